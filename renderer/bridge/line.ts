import type { WorkbenchError } from '../../main/contract/errors.ts';
import type { EngineEvent } from '../../main/contract/events.ts';
import type { CallableEngine, MessageChannelEnd, RpcConnection } from '../../main/contract/rpc.ts';
import { connectionLost, connectRpc } from '../../main/contract/rpc.ts';
import type { Bridge, BridgeStatus } from './bridge.ts';

/** Who is told of something, until they say that they have heard enough. */
export const createListeners = <T>() => {
  const listeners = new Set<(told: T) => void>();
  return {
    add: (listener: (told: T) => void) => {
      listeners.add(listener);
      return (): void => void listeners.delete(listener);
    },
    tell: (told: T): void => [...listeners].forEach((listener) => listener(told)),
  };
};

/** An engine connection that survives the loss of a channel: listeners stay when a new channel replaces it. */
interface BridgeLine extends CallableEngine {
  readonly status: Bridge['status'];
  use(channel: MessageChannelEnd): void;
  /** Rejects pending calls, and every call until the next channel. */
  lose(reason: WorkbenchError): void;
}

/** `channelEnded` is called when the other side closes the current channel. */
export const createBridgeLine = (channelEnded: (reason: WorkbenchError) => void): BridgeLine => {
  const listeners = createListeners<EngineEvent>();
  const statusListeners = createListeners<undefined>();
  let connection: RpcConnection | null = null;
  let lostBy = connectionLost('The page is not connected to the engine yet.');
  let status: BridgeStatus = { state: 'lost', message: lostBy.message, remedy: lostBy.remedy };

  const setStatus = (next: BridgeStatus): void => {
    status = next;
    statusListeners.tell(undefined);
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
    subscribe: listeners.add,
    status: { get: () => status, subscribe: statusListeners.add },
    use: (channel) => {
      connection?.close(connectionLost('The connection was replaced by a new one.'));
      const next = connectRpc(channel, (reason) => {
        lose(reason);
        channelEnded(reason);
      });
      next.subscribe(listeners.tell);
      connection = next;
      setStatus({ state: 'connected' });
    },
    lose,
  };
};
