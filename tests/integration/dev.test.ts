import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { openServedPage } from '../main/hosts/served-page.ts';
import { temporaryFolder } from './run-uncurl.ts';

const root = path.resolve(import.meta.dirname, '..', '..');

it('npm run dev serves the page under a strict policy, the engine by the token, and ends on request', async () => {
  const workspace = await temporaryFolder();
  const server = spawn(process.execPath, [path.join(root, '.ci', 'dev-server.mjs'), '--workspace', workspace], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(server, 'exit');
  try {
    let address: URL | null = null;
    for await (const line of createInterface({ input: server.stderr })) {
      const found = /http:\S+/.exec(line);
      if (found === null) continue;
      address = new URL(found[0]);
      break;
    }
    if (address === null) throw new Error('the server ended without an address');
    server.stderr.resume();
    expect(address.hostname).toBe('127.0.0.1');
    const page = await fetch(address);
    const [, nonce] =
      /script-src 'self' 'nonce-([\w+/=]+)'/.exec(page.headers.get('content-security-policy') ?? '') ?? [];
    expect(page.headers.get('content-security-policy')).not.toMatch(/unsafe|\*/);
    const html = await page.text();
    expect(html).toContain('/@vite/client');
    expect([...html.matchAll(/<script[^>]*>/g)].every(([tag]) => tag.includes(`nonce="${nonce ?? ''}"`))).toBe(true);
    expect(page.headers.get('set-cookie')).toBeNull();
    const source = await fetch(new URL('/main.tsx', address));
    expect(await source.text()).toContain('connectBrowser');
    await expect(openServedPage(address.href, { token: 'wrong' })).rejects.toThrow('4401');
    const socket = await openServedPage(address.href);
    socket.send(JSON.stringify({ type: 'call', id: 1, name: 'models.list', input: {} }));
    const [answer] = (await once(socket, 'message')) as [Buffer];
    expect(JSON.parse(answer.toString('utf8'))).toMatchObject({ type: 'result', id: 1 });
    socket.close();
  } finally {
    server.kill('SIGTERM');
  }
  expect(await ended).toEqual([0, null]);
});
