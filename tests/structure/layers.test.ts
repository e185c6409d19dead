import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { root } from './project-files.ts';

/** Small projects with this project's layers, each breaking one rule (or none), to test the check itself. */
const folder = mkdtempSync(path.join(tmpdir(), 'uncurl-layers-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const project = (name: string, files: Readonly<Record<string, string>>): string => {
  const copy = path.join(folder, name);
  const all = {
    'main/contract/plan.ts': 'export const plan = 1;',
    'electron/shell.ts': '',
    'renderer/page.ts': '',
    ...files,
  };
  for (const [file, text] of Object.entries(all)) {
    mkdirSync(path.dirname(path.join(copy, file)), { recursive: true });
    writeFileSync(path.join(copy, file), text);
  }
  for (const file of ['.dependency-cruiser.js', 'tsconfig.json', 'package.json']) {
    copyFileSync(path.join(root, file), path.join(copy, file));
  }
  symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'));
  return copy;
};

/** Names of the rules that a project breaks. */
const broken = (name: string, files: Readonly<Record<string, string>>): readonly string[] => {
  const cruiser = path.join(root, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruiser.mjs');
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [cruiser, '--config', '.dependency-cruiser.js', '--output-type', 'json', 'main', 'electron', 'renderer'],
    { cwd: project(name, files), encoding: 'utf8' },
  );
  if (stdout === '') throw new Error(stderr);
  const { summary } = JSON.parse(stdout) as { summary: { violations: { rule: { name: string } }[] } };
  return [...new Set(summary.violations.map(({ rule }) => rule.name))].sort();
};

describe('the check of layers', () => {
  it('accepts imports that point inward', () => {
    const files = {
      'main/figures/svg.ts': "import { plan } from '../contract/plan.ts';\nexport const svg = plan;",
      'main/graph/moe.ts': "import { readFileSync } from 'node:fs';\nexport const moe = readFileSync;",
      'renderer/page.ts': "import { svg } from '../main/figures/svg.ts';\nexport const page = svg;",
      'electron/shell.ts': "import { plan } from '../main/contract/plan.ts';\nexport const shell = plan;",
    };
    expect(broken('inward', files)).toEqual([]);
  });

  it.each<[string, Readonly<Record<string, string>>]>([
    [
      'no-cycle',
      { 'main/a.ts': "import './b.ts';", 'main/b.ts': "import type { A } from './a.ts';\nexport type B = A;" },
    ],
    ['no-missing-file', { 'main/a.ts': "import './gone.ts';" }],
    ['contract-alone', { 'main/contract/a.ts': "import '../graph/a.ts';", 'main/graph/a.ts': '' }],
    ['pure-ring', { 'main/figures/a.ts': "import '../graph/a.ts';", 'main/graph/a.ts': '' }],
    ['pure-ring-without-node', { 'main/statistics/a.ts': "import 'node:zlib';" }],
    ['evaluation-inward', { 'main/evaluation/a.ts': "import '../figures/a.ts';", 'main/figures/a.ts': '' }],
    [
      'sample-inward',
      {
        'main/sample/a.ts': "import type { A } from '../engine/a.ts';\nexport type B = A;",
        'main/engine/a.ts': 'export type A = 1;',
      },
    ],
    ['listed-layer', { 'main/elsewhere/a.ts': "import '../contract/plan.ts';" }],
    ['engine-without-shell', { 'main/graph/a.ts': "export * from '../../renderer/page.ts';" }],
    ['engine-without-shell', { 'main/graph/a.ts': "import { useState } from 'react';\nexport const a = useState;" }],
    ['shell-knows-contract', { 'electron/a.ts': "import '../main/graph/a.ts';", 'main/graph/a.ts': '' }],
    [
      'window-knows-ring',
      {
        'renderer/a.ts': "import type { A } from '../main/graph/a.ts';\nexport type B = A;",
        'main/graph/a.ts': 'export type A = 1;',
      },
    ],
    ['window-without-node', { 'renderer/a.ts': "import 'node:fs';" }],
  ])('names %s', (rule, files) => {
    expect(
      broken(`breach-${rule}-${String(Object.keys(files).length)}-${Object.values(files).join('').length}`, files),
    ).toContain(rule);
  });
});
