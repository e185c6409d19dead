import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createProgressMeter } from '../../../main/jobs/progress-meter.ts';

const subject = { run: 'r', kind: 'sweep', title: 't' } as const;

/** A meter of steps that take 100 ms for each piece of work. */
const atSteadyRate = () => {
  let now = 0;
  const meter = createProgressMeter(subject, () => now);
  const does = (work: number): void => {
    meter.begin(work);
    now += work * 100;
    meter.finish();
  };
  return { meter, does };
};

test('at a steady rate the range for the time left closes in on the truth', () => {
  let now = 0;
  const meter = createProgressMeter(subject, () => now);
  meter.setTotal(1000);
  expect(meter.read().leftMs).toBeNull();
  for (let step = 0; step < 10; step += 1) {
    meter.begin(50);
    for (const part of [0.25, 0.5, 0.75]) {
      now += 250;
      meter.advance(part);
    }
    now += 250;
    meter.finish();
  }
  const { done, total, leftMs, elapsedMs } = meter.read();
  expect([done, total, elapsedMs]).toEqual([500, 1000, 10_000]);
  expect(leftMs?.low).toBeCloseTo(10_000);
  expect(leftMs?.high).toBeCloseTo(10_000);
});

test('the range spans different rates', () => {
  let now = 0;
  const meter = createProgressMeter(subject, () => now);
  meter.setTotal(400);
  for (const stepMs of [1000, 2000, 1000, 2000, 1000, 2000]) {
    meter.begin(50);
    now += stepMs;
    meter.finish();
  }
  expect(meter.read().leftMs).toEqual({ low: 2000, high: 4000 });
});

test('work that was on disk counts as done but not as speed', () => {
  let now = 0;
  const meter = createProgressMeter(subject, () => now);
  meter.setTotal(1000);
  for (let step = 0; step < 4; step += 1) {
    meter.reuse(100);
    meter.begin(50);
    now += 1000;
    meter.finish();
  }
  const { done, reused, leftMs } = meter.read();
  expect([done, reused, meter.computed]).toEqual([600, 4, 4]);
  expect(leftMs).toEqual({ low: 8000, high: 8000 });
});

test('where candidates stop early, the time left counts the part of the work that curves have needed so far', () => {
  const { meter, does } = atSteadyRate();
  meter.setTotal(1000);
  meter.expectSavings(1000);
  const curve = (done: number): void => {
    does(done);
    meter.saved(100, done);
  };
  for (const done of [10, 20, 10]) curve(done);
  expect(meter.read().leftMs).toBeNull();
  for (const done of [20, 15]) curve(done);
  const { done, total, leftMs } = meter.read();
  // 500 of 1000 planned are left; curves have needed 15 % of theirs, give or take two standard errors (4.5).
  expect([done, total]).toEqual([75, 575]);
  expect(leftMs?.low).toBeCloseTo(500 * 100 * (0.15 - 2 * Math.sqrt(0.01 / 4 / 5)));
  expect(leftMs?.high).toBeCloseTo(500 * 100 * (0.15 + 2 * Math.sqrt(0.01 / 4 / 5)));
  for (let more = 0; more < 4; more += 1) curve(100);
  expect(meter.read().leftMs?.high).toBeLessThanOrEqual(100 * 100 + 1e-6);
});

test('where candidates stop early, work that no curve can save is counted in full', () => {
  const { meter, does } = atSteadyRate();
  // Ten tasks: the unpruned model on each, and one curve of six candidates.
  meter.setTotal(10 * (100 + 600));
  meter.expectSavings(10 * 600);
  for (let task = 0; task < 4; task += 1) {
    does(100);
    does(60);
    meter.saved(600, 60);
  }
  const { leftMs } = meter.read();
  expect(leftMs?.low).toBeCloseTo(100 * 6 * (100 + 60));
  expect(leftMs?.high).toBeCloseTo(100 * 6 * (100 + 60));
  // A curve half done: its finished work is part of the work that it needs.
  does(100);
  does(30);
  expect(meter.read().leftMs?.high).toBeCloseTo(100 * (5 * (100 + 60) + 30));
});

test('curves that are not measured at all do not affect the estimate for the others', () => {
  const { meter, does } = atSteadyRate();
  meter.setTotal(4 * 100 + 8 * 600);
  meter.expectSavings(8 * 600);
  // Too few items: four curves are left out.
  for (let task = 0; task < 4; task += 1) does(100);
  meter.leftOut(4 * 600);
  expect(meter.read()).toMatchObject({ total: 400 + 4 * 600, leftMs: null });
  // The others are left out as well: no work remains.
  meter.leftOut(4 * 600);
  expect(meter.read().total).toBe(400);
});

test('done never goes back and never passes the total', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat({ max: 100 }), fc.double({ min: 0, max: 1.2, noNaN: true }), fc.boolean())),
      (steps) => {
        let now = 0;
        const meter = createProgressMeter(subject, () => (now += 37));
        meter.setTotal(steps.reduce((sum, [work]) => sum + work, 0));
        let before = 0;
        const look = (): void => {
          const { done, total, leftMs } = meter.read();
          expect(done).toBeGreaterThanOrEqual(before - 1e-9);
          expect(done).toBeLessThanOrEqual(total);
          if (leftMs !== null) expect(leftMs.low).toBeLessThanOrEqual(leftMs.high);
          before = done;
        };
        for (const [work, part, isReused] of steps) {
          if (isReused) meter.reuse(work);
          else {
            meter.begin(work);
            meter.advance(part);
            look();
            meter.advance(part / 2);
            look();
            meter.finish();
          }
          look();
        }
      },
    ),
  );
});

test('a meter that follows another repeats its reading, with its own time and the latest description', () => {
  let now = 0;
  let changes = 0;
  const meter = createProgressMeter(
    subject,
    () => now,
    () => (changes += 1),
  );
  const reading = { description: 'Half', done: 5, total: 10, reused: 2, leftMs: { low: 1, high: 2 } };
  meter.follow(reading);
  now = 7;
  expect(meter.read()).toEqual({ ...subject, ...reading, elapsedMs: 7 });
  meter.describe('Cancelled');
  expect(meter.read()).toEqual({ ...subject, ...reading, description: 'Cancelled', elapsedMs: 7 });
  expect(changes).toBe(2);
});
