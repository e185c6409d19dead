import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { runManifest } from '../../../main/contract/run.ts';
import { equivalentCommand } from '../../../main/words/equivalent-command.ts';

const file = new URL('../../../resources/sample/run/manifest.json', import.meta.url);
const sample = runManifest.parse(JSON.parse(readFileSync(file, 'utf8')));

test('the sample is made by the command that made it', () => {
  expect(equivalentCommand(sample)).toBe(sample.commandLine);
});

test.each(['--workspace=/elsewhere', '-h', '/models/a\u0003b', '/models/a\nb'])(
  'a run that names %j gives no command to paste',
  (path) => {
    const [model, ...models] = sample.models;
    expect(model).toBeDefined();
    const strange = { name: 'a', fingerprint: '0', path };
    expect(equivalentCommand({ ...sample, models: [...models, strange] })).toBeNull();
    expect(equivalentCommand({ ...sample, tasks: [{ name: 'a', hash: '0', path }] })).toBeNull();
    expect(equivalentCommand({ ...sample, spec: { ...sample.spec, candidates: [strange] } })).toBeNull();
  },
);

test('a path with spaces and quotes is one word', () => {
  const models = [{ name: 'a', fingerprint: '0', path: "/my models/it's" }];
  expect(equivalentCommand({ ...sample, models })).toContain("uncurl sweep '/my models/it'\\''s' --task");
});
