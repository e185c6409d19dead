/**
 * All IPC channels. Their schemas are in a separate file (main/contract/shell.ts), so that the preload script stays
 * small.
 */
export const SHELL_CALL = 'shell:call';
export const SHELL_EVENT = 'shell:event';
/** Only for the preload script: the page cannot send it. */
export const SHELL_DROP = 'shell:drop';
export const ENGINE_PORT = 'shell:engine-port';
