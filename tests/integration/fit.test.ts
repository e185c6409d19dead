import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { fitDocument } from '../../main/contract/fit.ts';
import { choiceItem } from '../../main/contract/task.ts';
import { canaryWords } from '../../main/evaluation/canaries.ts';
import { checkedCalls, FORECAST_CUT } from '../../main/evaluation/written-forecast.ts';
import { startUncurl, temporaryFolder, type Uncurl, uncurlHere } from './run-uncurl.ts';

const FIT = [
  'fit',
  'uncurl-8',
  '--task',
  'mood',
  '--format',
  'plan',
  '--bytes',
  '600kB',
  '--scoring-items',
  '32',
  '--method',
  'frequency',
  'reap',
  '--finalists',
  '1',
];

/** What a search found, without what depends on the run's name and on how often it was interrupted. */
const foundIn = (stdout: string) => {
  const { recommended, finalists, plan, tested, candidates, surrogates, untried } = fitDocument
    .loose()
    .parse(JSON.parse(stdout));
  return { recommended, finalists, plan, tested, candidates, surrogates, untried };
};

/** Resolves once the search has made so many files; a search that ends without them fails the test. */
const makes = async ({ ended }: Uncurl, workspace: string, files: string, count = 1): Promise<void> => {
  const over = { is: false };
  void ended.then(() => (over.is = true));
  while (globSync(files, { cwd: workspace }).length < count) {
    if (over.is) throw new Error(`the search ended without ${files}:\n${(await ended).stderr}`);
    await setTimeout(5);
  }
};

test('a search that is killed recommends the same, tests only what it chose, and counts its looks', async () => {
  const whole = join(await temporaryFolder(), 'workspace');
  const uninterrupted = await uncurlHere([...FIT, '--json', '--workspace', whole]);
  expect(uninterrupted.code, uninterrupted.stderr).toBe(0);
  const found = foundIn(uninterrupted.stdout);
  const document = fitDocument.loose().parse(JSON.parse(uninterrupted.stdout));
  expect(document).toMatchObject({ state: 'done', look: 1, level: 0.05, items: { scoring: 32, test: 300 } });
  // Everything that was tested was named before, and nothing else was.
  expect(document.finalists).toHaveLength(1);
  expect(document.tested.map(({ name }) => name)).toEqual([document.recommended, ...document.finalists]);
  const choice = await readFile(join(whole, 'runs', document.run, 'choice.json'), 'utf8');
  expect(createHash('sha256').update(choice).digest('hex')).toBe(document.choiceHash);
  // Nothing recommended is larger than what was asked for.
  const chosen = document.candidates.find(({ name }) => name === document.recommended);
  expect(chosen?.bytes).toBeLessThanOrEqual(600e3);

  const killed = join(await temporaryFolder(), 'workspace');
  // Once before the choice, and once between the choice and the end of the test.
  const first = startUncurl([...FIT, '--workspace', killed]);
  await makes(first, killed, 'steps/*/*');
  first.child.kill('SIGKILL');
  await first.ended;
  const [run = ''] = await readdir(join(killed, 'runs'));
  const second = startUncurl(['resume', run, '--workspace', killed]);
  await makes(second, killed, 'runs/*/choice.json');
  second.child.kill('SIGKILL');
  await second.ended;
  const finished = await uncurlHere(['resume', run, '--json', '--workspace', killed]);
  if (finished.code === 0) expect(foundIn(finished.stdout)).toEqual(found);
  // The search may have ended before it was killed; then there is nothing to resume.
  else expect(finished.stderr).toContain('done');

  // A second look at the same test items has half the level; what is too small for anything is refused.
  const predicted = await uncurlHere([...FIT, '--predict', '--workspace', whole]);
  expect(predicted.stdout).toContain('this look tests at 2.5 % instead of 5 %');
  const into = ['--workspace', whole];
  const nothing = await uncurlHere(['fit', 'uncurl-8', '--task', 'mood', '--bytes', '10kB', ...into]);
  expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining('Nothing of uncurl-8 fits into')]);
  const formless = await uncurlHere([
    'fit',
    'switch-8',
    '--task',
    'mood',
    '--format',
    'gguf',
    '--bytes',
    '1GB',
    ...into,
  ]);
  expect([formless.code, formless.stderr]).toEqual([
    2,
    expect.stringContaining('switch-8 has no form for gguf here, as stored: '),
  ]);

  // The stored test answers prove the order.
  const proof = await uncurlHere(['verify', document.run, '--json', '--workspace', whole]);
  expect([proof.code, JSON.parse(proof.stdout)]).toEqual([0, expect.objectContaining({ ok: true, answers: 600 })]);

  // Whoever edits the choice afterwards is found out.
  const file = join(whole, 'runs', document.run, 'choice.json');
  await writeFile(file, choice.replace('"finalists":[', '"finalists":["x",'));
  const edited = await uncurlHere(['export', document.run, '--out', join(whole, 'plan.json'), '--workspace', whole]);
  expect([edited.code, edited.stderr]).toEqual([1, expect.stringContaining('choice.json was changed after')]);
  await writeFile(file, choice);
  const saved = await uncurlHere(['export', document.run, '--out', join(whole, 'plan.json'), '--workspace', whole]);
  expect(saved.code, saved.stderr).toBe(0);
  expect(JSON.parse(await readFile(join(whole, 'plan.json'), 'utf8'))).toEqual(document.plan);

  // Without the stored answers, nothing is proven.
  await rm(join(whole, 'steps'), { recursive: true });
  const unproven = await uncurlHere(['verify', document.run, '--workspace', whole]);
  expect([unproven.code, unproven.stdout]).toEqual([1, expect.stringContaining('NOT proven')]);
});

test('a search for types by layer that is killed twice recommends the same', async () => {
  const search = [
    ...['fit', 'uncurl-8', '--task', 'mood', '--format', 'gguf', '--bytes', '450kB', '--types', 'q8_0', 'q5_1', 'q4_1'],
    ...['--method', 'reap', '--scoring-items', '16', '--finalists', '1', '--types-by-layer', '--threads', '1'],
  ];
  const whole = join(await temporaryFolder(), 'workspace');
  const uninterrupted = await uncurlHere([...search, '--json', '--workspace', whole]);
  expect(uninterrupted.code, uninterrupted.stderr).toBe(0);
  const found = foundIn(uninterrupted.stdout);
  expect(found.candidates.filter(({ expertTypes }) => expertTypes !== undefined)).toHaveLength(1);
  expect(found.surrogates).toHaveLength(1);
  const steps = globSync('steps/*/*', { cwd: whole }).length;

  // While candidates are measured, and while layers are rounded alone.
  const killed = join(await temporaryFolder(), 'workspace');
  let command = search;
  for (const share of [0.25, 0.5]) {
    const started = startUncurl([...command, '--workspace', killed]);
    await makes(started, killed, 'steps/*/*', Math.ceil(share * steps));
    started.child.kill('SIGKILL');
    await started.ended;
    const [run = ''] = await readdir(join(killed, 'runs'));
    command = ['resume', run];
  }
  const finished = await uncurlHere([...command, '--json', '--workspace', killed]);
  expect(finished.code, finished.stderr).toBe(0);
  expect(foundIn(finished.stdout)).toEqual(found);

  const { run } = fitDocument.loose().parse(JSON.parse(uninterrupted.stdout));
  const folder = join(whole, 'exported');
  const exported = await uncurlHere(['export', run, '--out', folder, '--workspace', whole]);
  expect(exported.code, exported.stderr).toBe(0);
  expect(exported.stdout.split(folder)).toEqual([
    'Exported to ',
    expect.stringMatching(/^ and compared byte by byte\./),
  ]);
});

test('what is measured after the choice does not change what is recommended', async () => {
  const workspace = join(await temporaryFolder(), 'workspace');
  // On few items, the model of half this budget loses a little less than the recommended one.
  const options = ['--task', 'add', '--format', 'gguf', '--bytes', '1500kB', '--types', 'q8_0', 'q5_1'];
  const more = ['--method', 'reap', '--scoring-items', '16', '--finalists', '0', '--json', '--workspace', workspace];
  const { code, stdout, stderr } = await uncurlHere(['fit', 'uncurl-16', ...options, ...more]);
  expect(code, stderr).toBe(0);
  const { recommended, tested, candidates, evaluations, otherEvaluations } = fitDocument
    .loose()
    .parse(JSON.parse(stdout));
  expect(tested.map(({ name }) => name)).toEqual([recommended]);
  const answers = (isChosenFrom: boolean): number =>
    candidates.filter(({ fits }) => fits === isChosenFrom).reduce((sum, { items }) => sum + items, 0);
  expect(otherEvaluations).toBeGreaterThan(0);
  expect(evaluations).toBeLessThan(answers(true) + answers(false));
  const chosen = candidates.find(({ name }) => name === recommended);
  const lessThanChosen = candidates.filter(({ fits, loss }) => fits && (loss?.mean ?? 0) < (chosen?.loss?.mean ?? 0));
  // Else this test would prove nothing.
  expect(lessThanChosen).not.toEqual([]);
});

test('what a search foretells of written answers is checked by its test, and counted in its workspace', async () => {
  const workspace = join(await temporaryFolder(), 'workspace');
  const search = async (...changed: readonly string[]) => {
    const options = ['--format', 'plan', '--bytes', '600kB', '--method', 'frequency', '--finalists', '1'];
    const done = await uncurlHere(['fit', 'uncurl-8', ...options, ...changed, '--json', '--workspace', workspace]);
    expect(done.code, done.stderr).toBe(0);
    return fitDocument.loose().parse(JSON.parse(done.stdout));
  };
  // Canaries of other skills: in this model, pruned this far, hardly one is unharmed.
  const lines = ['french', 'plural'].flatMap((name) =>
    readFileSync(`resources/tasks/${name}/test.jsonl`, 'utf8')
      .trim()
      .split('\n')
      .slice(0, 40)
      .map((line) => choiceItem.parse(JSON.parse(line)))
      .map(({ context, choices, answer }) => `${context}\t${choices[answer] ?? ''}`.replaceAll('\n', '\\n')),
  );
  const canaries = join(await temporaryFolder(), 'canaries.tsv');
  await writeFile(canaries, lines.join('\n'));
  const tasks = ['--task', 'mood', '--elsewhere', 'mood-written', '--canaries', canaries];
  const first = await search(...tasks, '--scoring-items', '50');
  expect(first.canaries).toMatchObject({ source: 'own', probes: 80, tested: 16, controls: 48 });
  for (const { p, loss, exposure } of first.canaries?.changed ?? []) {
    expect(p).toBeLessThanOrEqual(0.1);
    expect(loss).toBeGreaterThanOrEqual(0.1);
    expect(exposure).toBeGreaterThanOrEqual(first.canaries?.testedExposure ?? Infinity);
  }
  expect(canaryWords(first)[0]).toBe(`${String(first.canaries?.changed.length)} of 80 canaries changed.`);
  const { forecast, recommended, candidates } = first;
  const loss = candidates.find(({ name }) => name === recommended)?.loss?.mean ?? NaN;
  // The recommended model answered the same 50 items in the search.
  expect(forecast?.calls).toEqual([
    { name: recommended, task: 'mood-written', loss: expect.closeTo(loss, 6), isSafe: loss < FORECAST_CUT },
  ]);
  expect(forecast).toMatchObject({ unknown: null, method: 'frequency', earlier: { tested: 0, held: 0 } });
  expect(forecast?.curve.map(({ factor }) => factor)).toEqual([8 / 6, 2, 4]);
  const [written] = first.elsewhere;
  const held = (written?.verdict === 'safe') === loss < FORECAST_CUT;
  expect(checkedCalls(first)).toMatchObject([{ held }]);

  const second = await search('--task', 'mood', '--scoring-items', '40');
  expect(second.forecast).toMatchObject({
    unknown: expect.stringContaining('reads 50 scoring items, and there are 40'),
    curve: [],
    calls: [],
    earlier: { tested: 1, held: held ? 1 : 0 },
  });
  // The score is said before the next search, too.
  const next = await uncurlHere([
    'fit',
    'uncurl-8',
    '--task',
    'mood',
    '--bytes',
    '600kB',
    '--predict',
    '--workspace',
    workspace,
  ]);
  expect(next.stdout).toContain(`${held ? '1' : '0'} of 1 tested forecasts of models held.`);
});
