export { href, parse, PATHS, type AnyRoute, type Params, type Route, type RouteName } from './paths';
export { navigate, router } from './router.svelte';
