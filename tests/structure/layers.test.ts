import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { root } from './project-files.ts';

/** Small projects with this project's layers, to test the check itself. */
const folder = mkdtempSync(path.join(tmpdir(), 'uncurl-layers-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Files = Readonly<Record<string, string>>;

const project = (name: string, files: Files): string => {
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

const report = z.object({
  summary: z.object({ violations: z.array(z.object({ from: z.string(), rule: z.object({ name: z.string() }) })) }),
});

/** Rules that a project breaks, each with the file that breaks it. */
const broken = (name: string, files: Files): readonly string[] => {
  const cruiser = path.join(root, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruiser.mjs');
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [cruiser, '--config', '.dependency-cruiser.js', '--output-type', 'json', 'main', 'electron', 'renderer'],
    { cwd: project(name, files), encoding: 'utf8' },
  );
  if (stdout === '') throw new Error(stderr);
  const { summary } = report.parse(JSON.parse(stdout));
  return [...new Set(summary.violations.map(({ rule, from }) => `${from} breaks ${rule.name}`))].sort();
};

/** Files that each break the one rule named beside them; all lie in one project, which is read once. */
const breaches: readonly (readonly [rule: string, file: string, text: string])[] = [
  ['no-cycle', 'main/a.ts', "import './b.ts';"],
  ['no-missing-file', 'main/c.ts', "import './gone.ts';"],
  ['contract-alone', 'main/contract/a.ts', "import '../graph/a.ts';"],
  ['pure-ring', 'main/figures/a.ts', "import '../graph/a.ts';"],
  ['pure-ring-without-node', 'main/statistics/a.ts', "import 'node:zlib';"],
  ['evaluation-inward', 'main/evaluation/a.ts', "import '../figures/b.ts';"],
  ['sample-inward', 'main/sample/a.ts', "import type { A } from '../engine/a.ts';\nexport type B = A;"],
  ['listed-layer', 'main/elsewhere/a.ts', "import '../contract/plan.ts';"],
  ['engine-without-shell', 'main/graph/b.ts', "export * from '../../renderer/page.ts';"],
  ['engine-without-shell', 'main/graph/c.ts', "import { useState } from 'react';\nexport const a = useState;"],
  ['shell-knows-contract', 'electron/a.ts', "import '../main/graph/a.ts';"],
  ['window-knows-ring', 'renderer/a.ts', "import type { A } from '../main/graph/a.ts';\nexport type B = A;"],
  ['window-without-node', 'renderer/b.ts', "import 'node:fs';"],
];

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

  it('names every breach, and the file of it', () => {
    const files = {
      'main/graph/a.ts': 'export type A = 1;',
      'main/engine/a.ts': 'export type A = 1;',
      'main/figures/b.ts': '',
      'main/b.ts': "import type { A } from './a.ts';\nexport type B = A;",
      ...Object.fromEntries(breaches.map(([, file, text]) => [file, text])),
    };
    const found = broken('breaches', files);
    for (const [rule, file] of breaches) expect(found).toContain(`${file} breaks ${rule}`);
    // A rule that refuses whatever it sees would name files that break none.
    expect(found.filter((each) => !breaches.some(([, file]) => each.startsWith(`${file} `)))).toEqual([]);
  });
});
