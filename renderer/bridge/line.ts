import type { WorkbenchError } from '../../main/contract/errors.ts';
import type { EngineEvent } from '../../main/contract/events.ts';
import { connectionLost, connectRpc } from '../../main/contract/rpc.ts';
import type { CallableEngine, MessageChannelEnd, RpcConnection } from '../../main/contract/rpc.ts';
import type { Bridge, BridgeStatus } from './bridge.ts';

/** An engine connection that survives the loss of a channel: listeners stay when a new channel replaces it. */
interface BridgeLine extends CallableEngine {
  readonly status: Bridge['status'];
  use(channel: MessageChannelEnd): void;
  /** Rejects pending calls, and every call until the next channel. */
  lose(reason: WorkbenchError): void;
}

/** `channelEnded` is called when the other side closes the current channel. */
export const createBridgeLine = (channelEnded: (reason: WorkbenchError) => void): BridgeLine => {
  const listeners = new Set<(event: EngineEvent) => void>();
  const statusListeners = new Set<() => void>();
  let connection: RpcConnection | null = null;
  let lostBy = connectionLost('The page is not connected to the engine yet.');
  let status: BridgeStatus = { state: 'lost', message: lostBy.message, remedy: lostBy.remedy };

  const setStatus = (next: BridgeStatus): void => {
    status = next;
    for (const listener of [...statusListeners]) listener();
  };
  const lose = (reason: WorkbenchError): void => {
    lostBy = reason;
    connection?.close(reason);
    connection = null;
    setStatus({ state: 'lost', message: reason.message, remedy: reason.remedy });
  };

  return {
    call: (name, input, signal) =>
      connection === null ? Promise.reject(lostBy) : connection.call(name, input, signal),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    status: {
      get: () => status,
      subscribe: (listener) => {
        statusListeners.add(listener);
        return () => statusListeners.delete(listener);
      },
    },
    use: (channel) => {
      connection?.close(connectionLost('The connection was replaced by a new one.'));
      const next = connectRpc(channel, (reason) => {
        lose(reason);
        channelEnded(reason);
      });
      next.subscribe((event) => {
        for (const listener of [...listeners]) listener(event);
      });
      connection = next;
      setStatus({ state: 'connected' });
    },
    lose,
  };
};
