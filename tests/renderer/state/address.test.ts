import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pathHandle } from '../../../main/contract/model.ts';
import { addressOf, besideChosen, followed, readAddress, unknownIn } from '../../../renderer/state/address.ts';
import { mapScalings } from '../../../main/figures/map-scaling.ts';
import { linkedFragment } from '../../../main/contract/page-fragment.ts';
import { type MapView, noSelection, plainMap, plainPlan, routingMetrics } from '../../../renderer/state/selection.ts';

const named = (handle: string, name: string) => ({ handle: pathHandle.parse(handle), name });
const shelves = {
  models: [named('m1', 'olmoe'), named('m2', 'twin'), named('m3', 'twin')],
  tasks: [named('t1', 'sort'), named('t2', 'a, b & c'), named('t3', 'größe')],
};
const [m1, m2, m3] = [pathHandle.parse('m1'), pathHandle.parse('m2'), pathHandle.parse('m3')];
const [t1, t2, t3] = [pathHandle.parse('t1'), pathHandle.parse('t2'), pathHandle.parse('t3')];

test('refers to models and tasks by name, or by handle if names are not unique', () => {
  const selection = { ...noSelection, model: m1, task: t1, tasks: [t1, t3], method: 'uncurl', factor: 4 };
  expect(addressOf('workbench', selection, shelves)).toBe(
    'view=workbench&model=olmoe&task=sort&tasks=sort,gr%C3%B6%C3%9Fe&method=uncurl&factor=4',
  );
  expect(addressOf('compare', { ...selection, model: m3, task: t2 }, shelves)).toContain('model=m3&task=t2');
});

test('a written address is read back, whatever is selected', () => {
  const pin = fc.record({ layer: fc.nat(99), expert: fc.nat(511), keep: fc.boolean() });
  fc.assert(
    fc.property(
      fc.constantFrom(m1, m2, m3),
      fc.constantFrom(t1, t2, t3),
      fc.subarray([t1, t2, t3]),
      fc.array(pin, { maxLength: 4 }),
      fc.integer({ min: 1, max: 512 }),
      fc.constantFrom(null, '20260101-sweep'),
      fc.option(
        fc.record({ method: fc.constantFrom('reap', 'uncurl+recovery', 'mine@q4_0'), seed: fc.option(fc.nat(9)) }),
      ),
      (model, task, tasks, pins, kept, run, pointed) => {
        const selection = {
          ...noSelection,
          model,
          task,
          tasks,
          factor: 512 / kept,
          pins: pins.length === 0 ? {} : { [model]: pins },
          run,
          beside: run === null ? null : 'beside-20261128-160240-b30e',
          layer: 3,
          expert: 5,
          point: pointed === null ? null : { run: 'sweep-1', model: 'a, b/c', task: 'größe', factor: 1.5, ...pointed },
          subject: run === null ? ('model' as const) : ('plan' as const),
        };
        const { view, known } = readAddress(`#${addressOf('thresholds', selection, shelves)}`, shelves);
        expect(view).toBe('thresholds');
        expect({ ...noSelection, ...known }).toEqual(selection);
      },
    ),
  );
});

test('unknown keys and missing models or tasks change nothing', () => {
  expect(readAddress('', shelves)).toEqual({ view: null, known: {} });
  // The list of views decides about the view.
  expect(
    readAddress('#view=nowhere&model=gone&task=gone&method=No%20Method&factor=-2&run=../x&pins=1.2s', shelves),
  ).toEqual({ view: 'nowhere', known: {} });
  expect(readAddress('#model=olmoe&pins=1.2s,x,3.4g&tasks=gone,sort&factor=abc', shelves).known).toEqual({
    model: m1,
    pins: {
      [m1]: [
        { layer: 1, expert: 2, keep: true },
        { layer: 3, expert: 4, keep: false },
      ],
    },
    tasks: [t1],
  });
  fc.assert(fc.property(fc.string(), (fragment) => void readAddress(fragment, shelves)));
});

test('followed late, it does not undo earlier choices', () => {
  const known = { model: m1, layer: 1, expert: 2, task: t1, tasks: [t1, t2], factor: 4 };
  expect(besideChosen(known, noSelection)).toEqual(known);
  expect(besideChosen(known, { ...noSelection, task: t2, factor: 8 })).toEqual({
    model: m1,
    layer: 1,
    expert: 2,
    tasks: [t1, t2],
  });
  // The expert belongs to the model named with it.
  expect(besideChosen(known, { ...noSelection, model: m3, tasks: [t3] })).toEqual({ task: t1, factor: 4 });
  expect(besideChosen(known, { ...noSelection, model: m1 })).toMatchObject({ layer: 1, expert: 2 });
});

test('it contains the map settings that differ from the defaults', () => {
  const selection = { ...noSelection, model: m1, task: t1, tasks: [t1] };
  const written = (map: MapView): string => addressOf('workbench', { ...selection, map }, shelves);
  expect(written(plainMap)).not.toMatch(/metric|colours|minus|order/);
  expect(
    written({ metric: 'reap', scaling: 'rank', minus: { kind: 'model', model: m3 }, order: { by: 'task', task: t2 } }),
  ).toContain('metric=reap&colours=rank&minus=model%3Am3&order=task%3At2');
  const task = fc.constantFrom(t1, t2, t3);
  const map = fc.record({
    metric: fc.constantFrom(...routingMetrics),
    scaling: fc.constantFrom(...mapScalings),
    minus: fc.oneof(
      fc.constant(null),
      task.map((each) => ({ kind: 'task', task: each }) as const),
      fc.constantFrom(m1, m2, m3).map((model) => ({ kind: 'model', model }) as const),
    ),
    order: fc.oneof(
      fc.constantFrom('number', 'value', 'plan', 'likeness').map((by) => ({ by }) as const),
      task.map((each) => ({ by: 'task', task: each }) as const),
    ),
  });
  fc.assert(
    fc.property(map, (drawn) => {
      const { known } = readAddress(`#${written(drawn)}`, shelves);
      expect(known.map ?? plainMap).toEqual(drawn);
    }),
  );
});

test('an order or subtraction that is unknown here is left out', () => {
  const { known } = readAddress('#minus=task:nothing&order=task:nothing&metric=ean', shelves);
  expect(known.map).toEqual({ ...plainMap, metric: 'ean' });
});

test('it contains the plan settings that differ from the defaults', () => {
  const selection = { ...noSelection, model: m1, task: t1, tasks: [t1], factor: 4 };
  const written = (plan: Partial<typeof plainPlan>): string =>
    addressOf('workbench', { ...selection, plan: { ...plainPlan, ...plan } }, shelves);
  expect(written({})).toBe(addressOf('workbench', selection, shelves));
  const plan = fc.record({
    budget: fc.constantFrom('uniform', 'global', 'inverse-importance', 'measured', 'manual'),
    seed: fc.nat(),
    options: fc.constantFrom({}, { uncurl: { clusters: 4, form: 'sum', both: true } }, { reap: { form: null } }),
    protect: fc.constantFrom('none', 'early', 'all'),
    chat: fc.boolean(),
    madeFor: fc.constantFrom('task', 'ticked'),
    taskWeights: fc.constantFrom({}, { [t2]: 2, [t3]: 0.5 }),
  });
  fc.assert(
    fc.property(plan, fc.array(fc.integer({ min: 1, max: 512 }), { minLength: 1, maxLength: 9 }), (made, values) => {
      const counts = made.budget === 'manual' ? { model: m1, factor: 4, values } : null;
      const address = written({ ...made, counts });
      expect(readAddress(`#${address}`, shelves).known.plan ?? plainPlan).toEqual({ ...plainPlan, ...made, counts });
      // The engine stores it, and a link from elsewhere may contain it.
      expect(linkedFragment(address)).not.toBeNull();
    }),
  );
  expect(readAddress('#budget=none&seed=-1&options={"Not one":1}&weights=[&counts=0.x', shelves).known.plan).toEqual(
    plainPlan,
  );
});

test('a link written by the page restores the same state from anywhere, and pins of other models stay', () => {
  const there = { ...noSelection, model: m1, task: t1, tasks: [t1], method: 'uncurl', factor: 4 };
  const pin = { layer: 0, expert: 1, keep: true };
  const here = {
    ...there,
    factor: 2,
    pins: { [m1]: [pin], [m2]: [pin] },
    plan: { ...plainPlan, budget: 'global' as const },
    map: { ...plainMap, metric: 'reap' as const },
    layer: 3,
    expert: 4,
    run: '20260101-sweep',
  };
  const { view, known } = followed(`#${addressOf('compare', there, shelves)}`, here, shelves);
  expect(view).toBe('compare');
  expect({ ...here, ...known }).toEqual({ ...there, pins: { [m1]: [], [m2]: [pin] } });
  expect({ ...here, ...followed('#factor=8', here, shelves).known }).toEqual({ ...here, factor: 8 });
  const own = followed(`#model=olmoe&pins=1.2s`, here, shelves).known.pins;
  expect(own).toEqual({ [m1]: [{ layer: 1, expert: 2, keep: true }], [m2]: [pin] });
});

test('what a link names and is not open here is said, and nothing else', () => {
  const models = [{ ...named('m1', 'olmoe'), info: { experts: 64, topK: 8 } }];
  const sized = { ...shelves, models, runs: [{ id: 'sweep-1' }] };
  expect(unknownIn('#view=workbench&model=olmoe&task=sort&tasks=sort&factor=8', sized)).toEqual([]);
  expect(unknownIn('#model=gone&task=lost&tasks=lost,sort,other&factor=2', sized)).toEqual([
    'The link names the model “gone”.',
    'The link names the task “lost”.',
    'The link names the task “other”.',
  ]);
  expect(unknownIn('#model=olmoe&factor=16', sized)).toEqual([
    'The link names the factor 16, which olmoe does not have.',
  ]);
  expect(unknownIn('#model=olmoe&factor=half', sized)).toHaveLength(1);
  expect(unknownIn('#view=compare', sized)).toEqual([]);
  expect(unknownIn('#model=olmoe&run=sweep-2', sized)).toEqual(['The link names the run “sweep-2”.']);
  expect(unknownIn('#run=sweep-1', sized)).toEqual([]);
});
