import { z } from 'zod';

/**
 * How a page in a browser proves to `uncurl serve` that its user opened the printed address: the first message of its
 * WebSocket is the token, and the first of the server the welcome. No cookie is used: a browser sends those to every
 * port of a host, whoever listens there.
 */

export const tokenMessage = z.strictObject({ type: z.literal('token'), token: z.string().max(200) });

export const WELCOME = { type: 'welcome' } as const;
export const welcomeMessage = z.object({ type: z.literal(WELCOME.type) });

/** Close code of a WebSocket whose token is missing, wrong or replaced; the reason says so. */
export const TOKEN_REFUSED = 4401;

/** Parameter of the printed address, and key in the page's sessionStorage, which one tab and one port alone read. */
export const TOKEN_PARAMETER = 'token';

/** Names of this machine's own address, at which pages are served. */
export const loopbackNames = ['127.0.0.1', '::1', 'localhost'] as const;
export type LoopbackName = (typeof loopbackNames)[number];

/** The address of a page, with which it begins. */
export const pageAddress = (host: LoopbackName, port: number, token: string): string =>
  `http://${host === '::1' ? '[::1]' : host}:${port}/?${TOKEN_PARAMETER}=${token}`;
