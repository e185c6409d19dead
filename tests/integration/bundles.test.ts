import { execFile } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { transform } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from './run-uncurl.ts';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '..', '..');
const inRoot = (...parts: readonly string[]): string => path.join(root, ...parts);

/** Packages that a bundle imports at run time, except Node's own modules. */
const packagesOf = async (bundle: string): Promise<readonly string[]> => {
  const text = await readFile(inRoot('dist', bundle), 'utf8');
  const asked = [...text.matchAll(/\brequire\("([^"]+)"\)/g)].map(([, name]) => name ?? '');
  return [...new Set(asked)].filter((name) => !isBuiltin(name)).sort();
};

/** The first Node on the PATH that is older than the package requires. */
const olderNode = async (): Promise<{ readonly file: string; readonly version: string } | null> => {
  for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
    const file = path.join(folder, process.platform === 'win32' ? 'node.exe' : 'node');
    // A missing file, or one that is not a program, is not a Node.
    const answer = await run(file, ['--version']).catch(() => null);
    const version = /^v((\d+)\.\d+\.\d+)\s*$/.exec(answer?.stdout ?? '');
    if (version?.[1] !== undefined && Number(version[2]) < 24) return { file, version: version[1] };
  }
  return null;
};

describe('dist/ after the build', () => {
  beforeAll(async () => {
    await run(process.execPath, [inRoot('.ci', 'build.mjs')]);
  });

  it('is not rebuilt while the sources are unchanged', async () => {
    const before = await stat(inRoot('dist', 'main.cjs'));
    const { stderr } = await run(process.execPath, [inRoot('.ci', 'build.mjs')]);
    expect(stderr).toContain('up to date');
    expect((await stat(inRoot('dist', 'main.cjs'))).mtimeMs).toBe(before.mtimeMs);
  });

  it('has a preload script that imports only electron, since it runs in a sandbox', async () => {
    expect(await packagesOf('preload.cjs')).toEqual(['electron']);
    expect(await readFile(inRoot('dist', 'preload.cjs'), 'utf8')).not.toMatch(/require\("node:|\bprocess\.env\b/);
  });

  it('has an engine and a command line that do not import electron', async () => {
    for (const bundle of [
      'utility-process.cjs',
      'provider-probe.cjs',
      'compute-process.cjs',
      'line-process.cjs',
      'parquet-worker.cjs',
      'chat-worker.cjs',
      'run-reader.cjs',
      'uncurl.cjs',
    ])
      expect(await packagesOf(bundle)).not.toContain('electron');
  });

  it('has threads that need no runtime packages, which a thread would look for inside the archive', async () => {
    const threads = ['parquet-worker.cjs', 'chat-worker.cjs', 'run-reader.cjs'];
    for (const bundle of threads) expect(await packagesOf(bundle)).toEqual([]);
  });

  it('has programs that import no package at run time, which they would look for inside the archive', async () => {
    for (const bundle of [
      'main.cjs',
      'utility-process.cjs',
      'provider-probe.cjs',
      'compute-process.cjs',
      'line-process.cjs',
      'parquet-worker.cjs',
      'chat-worker.cjs',
      'run-reader.cjs',
      'uncurl.cjs',
    ]) {
      const { code } = await transform(await readFile(inRoot('dist', bundle), 'utf8'), { minifyWhitespace: true });
      expect(code).not.toMatch(/\bawait import\(|\bimport\("/);
    }
  });

  it('refuses an older Node before anything is computed, naming both versions', async () => {
    const folder = await temporaryFolder();
    // Only the version differs; everything else that the bundle needs is there.
    const pretend = path.join(folder, 'pretend.cjs');
    await writeFile(pretend, `Object.defineProperty(process.versions, 'node', { value: '23.11.1' });`);
    const asked = run(process.execPath, ['--require', pretend, inRoot('dist', 'uncurl.cjs'), '--help']);
    await expect(asked).rejects.toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/^uncurl needs Node 24 or later, and this is Node 23\.11\.1 \(/),
    });
    const { stdout } = await run(process.execPath, [inRoot('dist', 'uncurl.cjs'), '--help']);
    expect(stdout).toContain('uncurl');
  });

  it('refuses the older Node of this machine, if there is one', async (context) => {
    const older = await olderNode();
    if (older === null) return context.skip('no Node before 24 is in the PATH');
    const workspace = await temporaryFolder();
    const sweep = ['sweep', 'uncurl-8', '--task', 'add', '--workspace', workspace];
    await expect(run(older.file, [inRoot('dist', 'uncurl.cjs'), ...sweep])).rejects.toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining(`this is Node ${older.version} (`),
    });
    expect(await readdir(workspace)).toEqual([]);
  });

  it('lists the packages whose code it contains, each with an allowed licence and its text', async () => {
    const { stdout } = await run(process.execPath, [
      '--input-type=module',
      '--eval',
      `const { collectLicences } = await import(${JSON.stringify(pathToFileURL(inRoot('.ci', 'licences.mjs')).href)});
      process.stdout.write(JSON.stringify(collectLicences()));`,
    ]);
    const packages: unknown = JSON.parse(stdout);
    const entry = (name: string, licence: string): unknown => expect.objectContaining({ name, licence });
    expect(packages).toEqual(
      expect.arrayContaining([
        entry('zod', 'MIT'),
        entry('react-dom', 'MIT'),
        entry('@huggingface/jinja', 'MIT'),
        entry('@huggingface/tokenizers', 'Apache-2.0'),
        entry('onnxruntime-node', 'MIT'),
      ]),
    );
    const protobuf = (packages as readonly { readonly name: string; readonly texts: readonly string[] }[]).find(
      ({ name }) => name === '@bufbuild/protobuf',
    );
    expect(protobuf?.texts.join('\n')).toMatch(/Copyright 2008 Google Inc[^]*Apache License/);
  });

  it('has a page whose scripts and styles are separate files', async () => {
    const page = await readFile(inRoot('dist', 'renderer', 'index.html'), 'utf8');
    expect(page).toMatch(/<script type="module"[^>]* src="\/assets\//);
    expect(page).not.toMatch(/<script(?![^>]*\bsrc=)[^>]*>|<style|\bon[a-z]+=|https?:\/\//);
  });

  it('has a command that probes devices with the bundled probe, without sources', async () => {
    const folder = await temporaryFolder();
    await mkdir(path.join(folder, 'dist'));
    for (const bundle of ['uncurl.cjs', 'provider-probe.cjs'])
      await copyFile(inRoot('dist', bundle), path.join(folder, 'dist', bundle));
    await symlink(inRoot('node_modules'), path.join(folder, 'node_modules'));
    // Without a Vulkan driver, only the processor can be probed.
    const env = {
      ...process.env,
      VK_DRIVER_FILES: '/nonexistent.json',
      VK_ICD_FILENAMES: '/nonexistent.json',
      UNCURL_WORKSPACE: folder,
    };
    const { stdout } = await run(
      process.execPath,
      [path.join(folder, 'dist', 'uncurl.cjs'), 'doctor', '--probe', '--json'],
      { env },
    );
    expect(JSON.parse(stdout)).toMatchObject({
      devices: expect.arrayContaining([
        expect.objectContaining({ provider: 'cpu', probe: expect.objectContaining({ available: true }) }),
      ]),
    });
  });

  it('has a command that gives the same answers as the sources', async () => {
    expect((await readFile(inRoot('dist', 'uncurl.cjs'), 'utf8')).startsWith('#!/usr/bin/env node\n')).toBe(true);
    const words = ['info', path.join('resources', 'models', 'not-there'), '--json'];
    const answerOf = async (entry: string): Promise<readonly unknown[]> => {
      const answer = await run(process.execPath, [entry, ...words], { cwd: root }).catch((error: unknown) => error);
      const { code, stdout } = answer as { readonly code: number; readonly stdout: string };
      return [code, stdout];
    };
    const bundled = await answerOf(inRoot('dist', 'uncurl.cjs'));
    expect(bundled[0]).toBe(2);
    expect(bundled).toEqual(await answerOf(inRoot('main', 'cli', 'uncurl.ts')));
  });
});

describe('npm run --silent uncurl', () => {
  it('prints nothing of its own on standard output', async () => {
    const { stdout } = await run(
      'npm',
      ['run', '--silent', 'uncurl', '--', 'runs', '--workspace', 'no-such-folder', '--json'],
      {
        cwd: root,
      },
    ).catch((error: unknown) => error as { readonly stdout: string });
    expect(() => {
      JSON.parse(stdout);
    }).not.toThrow();
  });
});
