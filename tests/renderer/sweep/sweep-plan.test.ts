import { expect, test } from 'vitest';
import { pathHandle } from '../../../main/contract/model.ts';
import { describedSweepSettings, sweepRequest } from '../../../main/contract/sweep.ts';
import type { TaskEntry } from '../../../main/contract/task.ts';
import { methodPage } from '../../../main/pruning/method-page.ts';
import { methods } from '../../../main/pruning/methods.ts';
import {
  canCalibrateOnWritten,
  commonFactors,
  sweepCost,
  sweepInput,
  sweepObstacle,
  sweepSummary,
  typedFactors,
} from '../../../renderer/sweep/sweep-plan.ts';
import type { SweepChoices } from '../../../renderer/state/sweep-store.ts';
import { modelEntryOf, taskEntryOf } from '../../main/contract/entries.ts';
import { openEngine } from '../../main/engine/open-engine.ts';
import { modelInfoOf } from '../../main/contract/model-info-of.ts';

const model = (experts: number, chatTemplate?: string) =>
  modelEntryOf(`uncurl-${experts}`, { handle: `m${experts}`, info: modelInfoOf({ experts, chatTemplate }) });
const task = (name: string, calibration: number, metric: TaskEntry['metric'] = 'acc') =>
  taskEntryOf(name, { metric, items: { calibration, test: 300 } });
const pages = methods.map(methodPage);
const settings: SweepChoices = {
  ...describedSweepSettings.parse({}),
  methods: ['random', 'reap'],
  files: {},
  candidates: [],
  skippedFactors: [8],
  typedFactors: '',
  limit: 100,
};
const known = { pages, options: {}, chat: false };

test('several models share the factors that are possible for all of them', () => {
  expect(commonFactors([model(16), model(8)])).toEqual([1, 2, 4]);
  expect(commonFactors([])).toEqual([]);
});

test('a ticked task whose file broke is named as that, and not as one without calibration items', () => {
  const broken = taskEntryOf('mine', { items: { calibration: 0, test: 0 }, error: 'mine.jsonl, line 1: not JSON' });
  expect(sweepObstacle([model(16)], [task('a', 300), broken], settings, known)).toBe(
    'mine cannot be opened: mend its file, or untick it on the left.',
  );
});

test('the button of a sweep names what it runs: one by its name, several by their number', () => {
  expect(sweepSummary([model(16)], [task('a', 300)], { ...settings, methods: ['reap'] })).toBe(
    'uncurl-16, a, REAP, ×2 to ×4',
  );
  const several = [task('a', 300), task('b', 300)];
  expect(sweepSummary([model(16), model(8)], several, { ...settings, skippedFactors: [4] })).toBe(
    '2 models, 2 tasks, 2 methods, ×2',
  );
});

test('the button of a sweep names no factor that drops no expert, and none above 1 as ×1', () => {
  const choices = { ...settings, methods: ['reap'], typedFactors: '1.0001' };
  const from = (experts: number): string | undefined =>
    sweepSummary([model(experts)], [task('a', 300)], choices)
      .split(', ')
      .at(-1);
  expect(from(16)).toBe('×2 to ×4');
  expect(from(256)).toMatch(/^×2 to /u);
  choices.typedFactors = 'keep 255';
  expect(from(256)).toMatch(/^×1\.0039 to /u);
  expect(typedFactors('keep 255', [model(256)]).leaves).toEqual(['×1.0039: 255 of 256 experts kept']);
  expect(typedFactors('1.0001', [model(16)]).leaves).toEqual(['×1.0001: 16 of 16 experts kept']);
});

test('the cost counts each plan once, seeds only for methods that draw, and the unpruned model per task', () => {
  const tasks = [task('a', 300), task('b', 300)];
  expect(sweepCost([model(16)], tasks, settings, known)).toEqual({
    candidatesPerTask: 8,
    evaluations: 18,
    itemEvaluations: 1800,
    refits: 0,
    searched: 0,
    drawnAgain: 0,
    elsewhere: 0,
    drawn: [{ method: 'random', draws: 3, more: 8 }],
  });
  // REAP reads calibration items; random does not.
  const again = { ...settings, calibrationDraws: 5, calibrationSizes: '30,300' };
  const { drawnAgain, itemEvaluations } = sweepCost([model(16)], tasks, again, known);
  expect([drawnAgain, itemEvaluations]).toEqual([2 * 2 * 10, 1800 + 2 * 10 * 200]);
  expect(sweepCost([model(16)], tasks, { ...settings, methods: ['reap', 'sub-moe'] }, known).candidatesPerTask).toBe(8);
  const uncurl = { ...settings, methods: ['reap', 'uncurl'] };
  expect(sweepCost([model(16)], tasks, uncurl, known).drawn).toEqual([{ method: 'uncurl', draws: 3, more: 8 }]);
  const settled = { ...known, options: { uncurl: { assign: 'cluster-qr' } } };
  expect(sweepCost([model(16)], tasks, uncurl, settled)).toMatchObject({ candidatesPerTask: 4, drawn: [] });
});

test('recovery beside doubles the candidates, recovery instead does not; both refit every plan', () => {
  const tasks = [task('a', 300)];
  expect(sweepCost([model(16)], tasks, { ...settings, recovery: 'both' }, known)).toMatchObject({
    candidatesPerTask: 16,
    refits: 8,
  });
  expect(sweepCost([model(16)], tasks, { ...settings, recovery: 'only' }, known)).toMatchObject({
    candidatesPerTask: 8,
    refits: 8,
  });
});

test('every weight type measures all plans again, and the unpruned model where it is not the stored one', () => {
  const tasks = [task('a', 300)];
  expect(sweepCost([model(16)], tasks, { ...settings, weights: ['stored', 'q8_0', 'q4_0'] }, known)).toMatchObject({
    candidatesPerTask: 26,
    evaluations: 27,
    drawn: [{ method: 'random', draws: 3, more: 12 }],
  });
  expect(sweepCost([model(16)], tasks, { ...settings, weights: ['q8_0'] }, known)).toMatchObject({
    candidatesPerTask: 9,
    evaluations: 10,
  });
});

test('every refit is a separate curve, made for every plan', () => {
  const two = { ...settings, refits: ['router', 'router+experts'] as const };
  const tasks = [task('a', 300)];
  expect(sweepCost([model(16)], tasks, { ...two, recovery: 'both' }, known)).toMatchObject({
    candidatesPerTask: 24,
    refits: 16,
  });
  expect(sweepCost([model(16)], tasks, { ...two, recovery: 'only' }, known)).toMatchObject({
    candidatesPerTask: 16,
    refits: 16,
  });
  expect(sweepCost([model(16)], tasks, two, known)).toMatchObject({ candidatesPerTask: 8, refits: 0 });
});

test('a method with a new random router is measured only if every curve recovers the router', () => {
  const anew = { ...known, options: { uncurl: { router: 'reinitialised' } } };
  const obstacle = (changed: Partial<SweepChoices>): string | null =>
    sweepObstacle([model(16)], [task('a', 300)], { ...settings, methods: ['uncurl'], ...changed }, anew);
  expect(obstacle({})).toMatch(/uncurl starts with a random router.*“instead of each plan”/);
  expect(obstacle({ recovery: 'both', refits: ['router'] })).toMatch(/starts with a random router/);
  expect(obstacle({ recovery: 'only', refits: ['router', 'experts'] })).toMatch(/starts with a random router/);
  expect(obstacle({ recovery: 'only', refits: ['router', 'router+experts'] })).toBeNull();
  expect(obstacle({ methods: ['reap'] })).toBeNull();
  expect(obstacle({ methods: ['reap'], recovery: 'both', refits: [] })).toMatch(/at least one refit/);
});

test('the chat switch applies if a model has a template, and names what cannot use it', () => {
  const chat = { ...known, chat: true };
  const [plain, chatty] = [model(16), model(16, 'chat_template.jinja')];
  const one = { ...settings, methods: ['random'] as const };
  expect(sweepObstacle([plain], [task('a', 1)], one, chat)).toBeNull();
  expect(sweepObstacle([chatty], [task('a', 1)], one, chat)).toBeNull();
  expect(sweepObstacle([plain, chatty], [task('a', 1)], one, chat)).toMatch(/uncurl-16 has no chat template/);
  expect(sweepObstacle([chatty], [task('text', 9, 'perplexity')], one, chat)).toMatch(
    /text: .* measures texts, which have no turns/,
  );
  expect(sweepObstacle([chatty], [task('text', 9, 'perplexity')], one, known)).toBeNull();
  const sent = (of: typeof plain, on: boolean) =>
    sweepRequest.parse(sweepInput([of], [task('a', 1)], one, { options: {}, chat: on })).settings.chat;
  expect([sent(plain, true), sent(chatty, false), sent(chatty, true)]).toEqual([undefined, undefined, true]);
});

test('calibration on the unpruned model’s answers requires written answers in every task', () => {
  const [chosen, written] = [task('a', 1), task('b', 1, 'exact_match')];
  expect([canCalibrateOnWritten([]), canCalibrateOnWritten([written, chosen])]).toEqual([false, false]);
  expect(canCalibrateOnWritten([written])).toBe(true);
  const onWritten = { ...settings, calibration: 'written' as const };
  expect(sweepObstacle([model(16)], [written], onWritten, known)).toBeNull();
  expect(sweepObstacle([model(16)], [written, chosen], onWritten, known)).toMatch(
    /^a is not a task with written answers/,
  );
  expect(sweepObstacle([model(16)], [written, chosen], settings, known)).toBeNull();
  const sent = (of: typeof settings) =>
    sweepRequest.parse(sweepInput([model(16)], [written], of, { options: {}, chat: false })).settings.calibration;
  expect([sent(settings), sent(onWritten)]).toEqual([undefined, 'written']);
});

test('speeds are measured on request', () => {
  const sent = (chosen: Partial<SweepChoices>) =>
    sweepRequest.parse(
      sweepInput([model(16)], [task('a', 1)], { ...settings, ...chosen }, { options: {}, chat: false }),
    ).settings.speed;
  expect([sent({}), sent({ speed: true })]).toEqual([undefined, true]);
});

test('a search counts its budget of evaluations for every plan, also a changed budget', () => {
  const one = { ...settings, methods: ['eep'] as const, seeds: [0, 1] };
  expect(sweepCost([model(16)], [task('a', 300)], one, known).searched).toBe(2 * 2 * 400);
  expect(
    sweepCost(
      [model(16)],
      [task('a', 300)],
      { ...one, recovery: 'both' },
      { pages, options: { eep: { evaluations: 5 } } },
    ).searched,
  ).toBe(2 * 2 * 5);
});

test('obstacles are explained', () => {
  expect(sweepObstacle([], [task('a', 1)], settings, known)).toMatch(/model/);
  expect(sweepObstacle([model(16)], [task('plain', 0)], settings, known)).toMatch(/plain has test items only/);
  expect(sweepObstacle([model(16)], [task('plain', 0)], { ...settings, methods: ['random'] }, known)).toBeNull();
  expect(
    sweepObstacle([model(16)], [task('plain', 0)], { ...settings, methods: ['random'], recovery: 'both' }, known),
  ).toMatch(/plain has test items only/);
  expect(sweepObstacle([model(16)], [task('text', 9, 'perplexity')], { ...settings, methods: ['eep'] }, known)).toMatch(
    /text has no calibration items with an answer, which the method eep/,
  );
  expect(sweepObstacle([model(16)], [task('a', 1)], { ...settings, skippedFactors: [2, 4, 8] }, known)).toMatch(
    /factor/,
  );
});

test('the request is accepted by the contract, with the options of its own methods only', () => {
  const options = { reap: { form: 'sum' }, random: {}, eep: { evaluations: 5 } };
  const request = sweepRequest.parse(
    sweepInput(
      [model(16)],
      [task('a', 1)],
      { ...settings, recovery: 'both', protect: 'early' },
      { options, chat: true },
    ),
  );
  expect(request.settings).toMatchObject({
    factors: [1, 2, 4],
    seeds: [0, 1, 2],
    limit: 100,
    recovery: 'both',
    refits: ['experts'],
    protect: 'early',
  });
  expect(request.settings.options).toEqual({ reap: { form: 'sum' } });
});

test('files of ticked methods are sent with the sweep, others are not', () => {
  const files = { mine: { name: 'mine.json', text: '[[0]]' }, other: { name: 'other.json', text: '[[1]]' } };
  const input = (methods: readonly string[]) =>
    sweepInput([model(16)], [task('a', 300)], { ...settings, methods, files }, { options: {}, chat: false }).settings;
  expect(input(['reap', 'mine'])).toMatchObject({ methods: ['reap', 'mine'], files: { mine: files.mine } });
  expect(input(['reap', 'mine']).files).not.toHaveProperty('other');
  expect(input(['reap']).files).toBeUndefined();
});

test('a checkpoint folder is one candidate on every task, beside one model, and is sent under its name', () => {
  const folder = { name: 'tuned', folder: pathHandle.parse('folder'), path: '/made/tuned' };
  const own = { ...settings, candidates: [folder] };
  const [plain, beside] = [settings, own].map((one) => sweepCost([model(16)], [task('a', 300)], one, known));
  expect(beside?.candidatesPerTask).toBe((plain?.candidatesPerTask ?? 0) + 1);
  expect(sweepObstacle([model(16)], [task('a', 300)], own, known)).toBeNull();
  expect(sweepObstacle([model(16), model(8)], [task('a', 300)], own, known)).toMatch(/beside one model/);
  expect(sweepInput([model(16)], [task('a', 300)], own, known).candidates).toEqual([
    { name: 'tuned', folder: 'folder' },
  ]);
  expect(sweepInput([model(16)], [task('a', 300)], settings, known).candidates).toBeUndefined();
});

test('typed factors and kept experts are swept beside the ticked ones, also where no power of two divides E', () => {
  const typed = { ...settings, skippedFactors: [2, 4, 8], typedFactors: 'x1.33, keep 5' };
  expect(sweepInput([model(16)], [task('a', 1)], typed, known).settings.factors).toEqual([1, 1.33, 3.2]);
  expect(typedFactors('1.33, keep 5', [model(16)]).leaves).toEqual([
    '×1.33: 12 of 16 experts kept',
    '×3.20: 5 of 16 experts kept',
  ]);
  expect(typedFactors('2', [model(16), model(13)]).leaves).toEqual(['×2: 8 of 16, 7 of 13 experts kept']);
  expect(sweepObstacle([model(13)], [task('a', 1)], { ...settings, typedFactors: '2' }, known)).toBeNull();
  expect(sweepCost([model(13)], [task('a', 1)], { ...settings, typedFactors: '2' }, known).candidatesPerTask).toBe(4);
});

test('typed factors that cannot be used stop a sweep, with the reason', () => {
  const obstacle = (text: string, models = [model(16)]) =>
    sweepObstacle(models, [task('a', 1)], { ...settings, typedFactors: text }, known);
  expect(obstacle('half')).toBe('“half” is neither a factor (1.33) nor “keep 12”.');
  expect(obstacle('0.5')).toContain('below 1');
  expect(obstacle('17')).toContain('at most ×');
  expect(obstacle('keep 20')).toContain('not so many');
  expect(obstacle('keep 5', [model(16), model(8)])).toContain('different numbers of experts');
});

test('the engine measures as many candidates as the cost line says, with folders beside rounded weights', async () => {
  const engine = await openEngine();
  const [models, tasks] = [await engine.call('models.list', {}), await engine.call('tasks.list', {})];
  const [swept] = models.filter(({ name }) => name === 'uncurl-8');
  const chosen = tasks.filter(({ name }) => ['add', 'sort'].includes(name));
  if (swept === undefined) throw new Error('uncurl-8 is not bundled');
  const folder = { name: 'same', folder: swept.handle, path: '' };
  const changed: SweepChoices = {
    ...settings,
    methods: ['random', 'frequency'],
    skippedFactors: [8],
    // 1.05 keeps all 8 experts, which is the unpruned model, and 3.9 as many as 4.
    typedFactors: '1.05, 3.9',
    seeds: [0, 1, 1],
    limit: 4,
  };
  const measure = async (more: Partial<SweepChoices>) => {
    const asked = { ...changed, ...more };
    const { run } = await engine.call('sweep.start', sweepInput([swept], chosen, asked, known));
    expect((await engine.finished(run)).error).toBeNull();
    return { cost: sweepCost([swept], chosen, asked, known), ...(await engine.call('sweep.read', { run })) };
  };
  const beside = await measure({ weights: ['stored', 'q8_0'], candidates: [folder] });
  expect(beside.cost.evaluations).toBe(beside.results.length);
  const elsewhere = await measure({ elsewhere: true });
  expect(elsewhere.cost.evaluations).toBe(elsewhere.results.length);
  // Random plans are made without a profile, and so not for all tasks at once: two draws at two sizes, on two tasks.
  expect(elsewhere.cost.elsewhere - 2 * 2 * chosen.length).toBe(elsewhere.elsewhere?.length);
});
