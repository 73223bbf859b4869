/**
 * The one Trusted Types policy for URLs of scripts: it lets the app's own workers through.
 *
 * `new Worker` and the registration of a service worker are the only places where a URL becomes
 * code (WEBUI §5). A worker's URL comes from the build: `import url from './x.worker?worker&url'`.
 */
const OURS = /^\/(assets\/[a-z]+\.worker-[\w-]{8}\.js|sw\.js)$/;

interface Factory {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): { createScriptURL(url: string): unknown };
}

function checked(url: string): string {
  if (!OURS.test(url)) throw new TypeError('this is no worker of ours');
  return url;
}

const policy = (globalThis as { trustedTypes?: Factory }).trustedTypes?.createPolicy('app-url', {
  createScriptURL: checked,
});

/** Returns a worker's URL in the form that `new Worker` takes. Throws for any other URL. */
export function trustedScriptUrl(url: string): string {
  return (policy ? policy.createScriptURL(url) : checked(url)) as string;
}
