import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { cyclesWithin, importsOf, layerBreaches, missingFiles } from './import-graph.ts';
import { projectFiles, root } from './project-files.ts';

const sources = new Map(
  projectFiles()
    .filter((file) => /^(?:main|electron|renderer)\/.*\.tsx?$/.test(file) && !file.endsWith('.d.ts'))
    .map((file) => [file, readFileSync(path.join(root, file), 'utf8')]),
);

describe('the import graph of the project', () => {
  it('is read from all three layers', () => {
    const layers = new Set([...sources.keys()].map((file) => file.split('/')[0]));
    expect([...layers].sort()).toEqual(['electron', 'main', 'renderer']);
    expect(importsOf(sources).length).toBeGreaterThan(sources.size);
  });

  it('points one way', () => {
    expect(layerBreaches(sources)).toEqual([]);
  });

  it('names files that are there', () => {
    expect(missingFiles(sources)).toEqual([]);
  });

  it('has no cycle inside main', () => {
    expect(cyclesWithin(sources, 'main')).toEqual([]);
  });
});

describe('the check itself', () => {
  const breachesOf = (file: string, text: string): number => layerBreaches(new Map([[file, text]])).length;

  it.each([
    ['main/graph/a.ts', "import { app } from 'electron';"],
    ['main/graph/a.ts', "import type { App } from 'electron/main';"],
    ['main/graph/a.ts', "export * from '../../renderer/app.ts';"],
    ['main/graph/a.ts', "const shell = await import('../../electron/main.ts');"],
    ['main/graph/a.ts', "import { useState } from 'react';"],
    ['main/contract/a.ts', "import { open } from '../checkpoint/open.ts';"],
    ['main/contract/a.ts', "import { readFileSync } from 'node:fs';"],
    ['electron/a.ts', "import { engine } from '../main/engine.ts';"],
    ['electron/a.ts', "const page = require('../renderer/page.ts');"],
    ['renderer/features/a.tsx', "import type { Plan } from '../../main/pruning/plan.ts';"],
    ['renderer/features/a.tsx', "import { ipcRenderer } from 'electron';"],
    ['renderer/a.ts', "import fs from 'node:fs';"],
  ])('catches in %s: %s', (file, text) => {
    expect(breachesOf(file, text)).toBeGreaterThan(0);
  });

  it.each([
    ['main/graph/a.ts', "import { plan } from '../contract/plan.ts';\nimport ort from 'onnxruntime-node';"],
    ['main/contract/a.ts', "import { z } from 'zod';\nimport { plan } from './plan.ts';"],
    ['electron/a.ts', "import { app } from 'electron';\nimport { calls } from '../main/contract/calls.ts';"],
    ['renderer/a.tsx', "import { useState } from 'react';\nimport '../renderer/a.css';"],
    ['main/graph/a.ts', "// import { app } from 'electron';\nconst text = \"import 'react'\";"],
  ])('lets pass in %s: %s', (file, text) => {
    expect(breachesOf(file, text)).toBe(0);
  });

  it('finds a cycle, once, with its way round', () => {
    const graph = new Map([
      ['main/a.ts', "import './b.ts';"],
      ['main/b.ts', "import type { C } from './c/c.ts';"],
      ['main/c/c.ts', "export * from '../b.ts';"],
    ]);
    expect(cyclesWithin(graph, 'main')).toEqual(['main/b.ts -> main/c/c.ts -> main/b.ts']);
  });

  it('finds an import of a file that is not there', () => {
    expect(missingFiles(new Map([['main/a.ts', "import './gone.ts';\nimport './style.css';"]]))).toEqual([
      'main/a.ts imports ./gone.ts, which is not there',
    ]);
  });
});
