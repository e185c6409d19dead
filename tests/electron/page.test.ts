import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isAllowedExternal, servePage } from '../../electron/page.ts';
import { pageHeaders, rendererFile } from '../../main/contract/renderer-page.ts';

let outer = '';
let answer: ReturnType<typeof servePage>;

beforeAll(async () => {
  outer = await mkdtemp(join(tmpdir(), 'uncurl-protocol-'));
  await mkdir(join(outer, 'renderer', 'assets'), { recursive: true });
  await writeFile(join(outer, 'renderer', 'index.html'), 'the page');
  await writeFile(join(outer, 'renderer', 'assets', 'main-A_b1.js'), 'the script');
  await writeFile(join(outer, 'secret.json'), 'secret');
  answer = servePage(join(outer, 'renderer'));
});
afterAll(() => rm(outer, { recursive: true }));

it.each([
  ['uncurl://app/', 'the page', 'text/html; charset=utf-8'],
  ['uncurl://app/?theme=dark#routing', 'the page', 'text/html; charset=utf-8'],
  ['uncurl://app', 'the page', 'text/html; charset=utf-8'],
  ['uncurl://app/assets/main-A_b1.js?v=1', 'the script', 'text/javascript; charset=utf-8'],
])('%s is a file of the page', async (url, body, type) => {
  const response = await answer({ url, method: 'GET' });
  expect(response.status).toBe(200);
  expect(await response.text()).toBe(body);
  expect(response.headers.get('content-type')).toBe(type);
  expect(response.headers.get('content-security-policy')).toBe(pageHeaders()['Content-Security-Policy']);
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
});

it.each([
  'uncurl://app/../secret.json',
  'uncurl://app/assets/../../secret.json',
  'uncurl://app/%2e%2e/secret.json',
  'uncurl://app/..%2fsecret.json',
  'uncurl://app/..\\secret.json',
  'uncurl://app//secret.json',
  'uncurl://app/secret.json',
  'uncurl://app/assets',
  'uncurl://app/assets/',
  'uncurl://app/.hidden.js',
  'uncurl://app/C:/secret.json',
  'uncurl://other/',
  'uncurl://app@other/',
  'https://app/',
])('%s is not there', async (url) => {
  const response = await answer({ url, method: 'GET' });
  expect(response.status).toBe(404);
  expect(await response.text()).not.toContain('secret');
});

it('answers only GET', async () => {
  expect((await answer({ url: 'uncurl://app/', method: 'POST' })).status).toBe(404);
});

it('never resolves to a file outside the folder, whatever the path', () => {
  const piece = fc.constantFrom(
    '..',
    '.',
    '/',
    '\\',
    '%2e',
    '%2f',
    '%5c',
    '%00',
    'C:',
    'a',
    'a.js',
    '.js',
    '~',
    ' ',
    '\0',
    '//',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece).map((pieces) => `/${pieces.join('')}`),
        fc.array(piece).map((pieces) => pieces.join('/')),
      ),
      (path) => {
        const file = rendererFile(path);
        if (file === null) return;
        expect(join('/folder', file.path).startsWith('/folder/')).toBe(true);
        expect(file.path).toMatch(/^[A-Za-z0-9_./-]+$/);
        expect(file.path.split('/').every((segment) => segment !== '' && !segment.startsWith('.'))).toBe(true);
      },
    ),
    { numRuns: 2000 },
  );
});

it('lets the page load and contact only its own origin', () => {
  const policy = pageHeaders(['ws://127.0.0.1:1'])['Content-Security-Policy'] ?? '';
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("connect-src 'self' ws://127.0.0.1:1");
  expect(policy).not.toMatch(/unsafe|\*|https?:/);
});

it.each([
  'https://arxiv.org/abs/2409.01483',
  'https://github.com/',
  'https://huggingface.co/mistralai',
  'https://doi.org/10.1',
  'https://ARXIV.org',
])('opens %s in the browser', (address) => {
  expect(isAllowedExternal(address)).toBe(true);
});

it.each([
  'http://arxiv.org/',
  'https://arxiv.org.evil.example/',
  'https://evil.example/arxiv.org',
  'https://arxiv.org@evil.example/',
  'https://user@arxiv.org/',
  'https://arxiv.org:8443/',
  'https://gist.github.com/',
  'file:///etc/passwd',
  'javascript:alert(1)',
  'uncurl://app/',
  'smb://github.com/x',
  'arxiv.org',
  '',
])('does not open %s', (address) => {
  expect(isAllowedExternal(address)).toBe(false);
});
