export { commands, useCommands, type Command } from './commands.svelte';
export { keysShown } from './shown';
