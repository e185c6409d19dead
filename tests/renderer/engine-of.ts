import type { Engine } from '../../renderer/engine/engine-context.tsx';
import { engineOn } from '../../renderer/engine/waits.ts';

/** A connected engine of a browser whose calls `call` answers, without events. */
export const engineOf = (call: Engine['bridge']['call']): Engine =>
  engineOn({
    call,
    subscribe: () => () => undefined,
    host: 'browser',
    shell: null,
    saveFile: () => Promise.resolve(true),
    status: { get: () => ({ state: 'connected' }), subscribe: () => () => undefined },
  });
