/**
 * The only IPC channels. Named apart from their schemas (main/contract/shell.ts) so that the preload script stays
 * small.
 */
export const SHELL_CALL = 'shell:call';
export const SHELL_EVENT = 'shell:event';
/** From the preload script alone: the page cannot send it. */
export const SHELL_DROP = 'shell:drop';
export const ENGINE_PORT = 'shell:engine-port';
