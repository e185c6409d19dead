import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { compareFitFolders, requireRepeatable } from '../../../main/reproduction/compare-fit-folders.ts';
import { openExistingWorkspace } from '../../../main/workspace/open-workspace.ts';
import { TEST_LIMIT_MS } from '../../hang-limit.ts';
import { bundled, openEngine } from '../engine/open-engine.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { everyEdit } from './edits.ts';

/** What no second search can say: the run's name, its limit of time, and the hash of a choice that holds neither. */
const NOT_COMPARED = ['fit.json run', 'fit.json settings.minutes', 'fit.json choiceHash', 'search-time.json elapsedMs'];

it(
  'a search is made again without stored steps; every field of it is compared, or named as not compared',
  async () => {
    const workspace = await temporaryFolder();
    const engine = await openEngine(workspace);
    const { model, task } = await bundled(engine, 'uncurl-8', 'add');
    const { task: plural } = await bundled(engine, 'uncurl-8', 'plural');
    const { run } = await engine.call('fit.start', {
      model,
      task,
      elsewhere: [plural],
      limit: { kind: 'bytes', bytes: 1_000_000 },
      format: 'plan',
      methods: ['frequency'],
      scoringItems: 16,
      finalists: 1,
    });
    await engine.finished(run);
    const { run: second } = await engine.call('run.reproduce', { run });
    expect(await engine.finished(second)).toMatchObject({ state: 'done', kind: 'reproduce' });
    const found = await engine.call('reproduction.read', { run: second });
    expect(found.sentence).toMatch(
      /^Every compared field matches: frequency .* is recommended again, by \d+ answers, /,
    );
    expect(found).toMatchObject({ of: run, matches: true, unexplained: 0, fields: { changed: [], edited: [] } });
    const allowed = found.fields.allowed.map(({ file, field }) => `${file} ${field}`);
    expect(allowed).toEqual(expect.arrayContaining(NOT_COMPARED));
    expect(allowed.filter((name) => /^(?:fit|choice)\.json/.test(name))).toHaveLength(3);
    // Nothing of the second search belongs to the workspace.
    const before = await engine.call('fit.read', { run });
    expect((await engine.call('runs.list', {})).filter(({ kind }) => kind === 'fit').map(({ id }) => id)).toEqual([
      run,
    ]);

    const { runs } = await openExistingWorkspace(workspace);
    const manifest = await runs.read(run);
    const manifests = { before: manifest, again: manifest };
    const folder = join(await temporaryFolder(), 'first');
    await cp(runs.folder(run), folder, { recursive: true });
    // Without checksums only the comparison can see an edit.
    await rm(join(folder, 'checksums.sha256'));
    let edits = 0;
    for (const file of ['fit.json', 'choice.json']) {
      const text = await readFile(join(folder, file), 'utf8');
      for (const { path, edited } of everyEdit(text)) {
        await writeFile(join(folder, file), edited);
        const isSeen = await compareFitFolders(folder, runs.folder(second), manifests).then(
          ({ findings }) => findings.fields.changed.length > 0,
          () => true,
        );
        expect(isSeen || NOT_COMPARED.includes(`${file} ${path}`), `${file} ${path}`).toBe(true);
        edits += 1;
      }
      await writeFile(join(folder, file), text);
    }
    expect(edits).toBeGreaterThan(60);
    expect((await compareFitFolders(folder, runs.folder(second), manifests)).findings.fields.changed).toEqual([]);

    expect(() => requireRepeatable({ ...before, timeUsed: true })).toThrow('its time was used up');
    expect(() => requireRepeatable({ ...before, timeUsed: false })).not.toThrow();
    expect(() => requireRepeatable({ ...before, state: 'stopped' })).toThrow('was stopped before its test');
  },
  TEST_LIMIT_MS,
);
