import { WebSocket } from 'ws';
import { connectRpc, type RpcConnection } from '../../../main/contract/rpc.ts';
import { socketChannel } from '../../../main/hosts/channels.ts';

/**
 * A WebSocket to a served engine like a page's, admitted by the token of the address. Rejects with the status of a
 * refused request, or with code and reason of the close.
 */
export const openServedPage = (
  address: string,
  { token, headers }: { readonly token?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<WebSocket> =>
  new Promise((resolve, reject) => {
    const { host, origin, searchParams } = new URL(address);
    const socket = new WebSocket(`ws://${host}/engine`, { headers: { origin, ...headers } });
    socket.once('open', () =>
      socket.send(JSON.stringify({ type: 'token', token: token ?? searchParams.get('token') ?? '' })),
    );
    socket.once('message', () => resolve(socket));
    socket.once('error', reject);
    socket.once('close', (code, reason) => reject(new Error(`${String(code)} ${reason.toString()}`)));
  });

/** The calls of a served engine, as its page makes them. */
export const openServedEngine = async (address: string): Promise<RpcConnection> =>
  connectRpc(socketChannel(await openServedPage(address)), () => undefined);
