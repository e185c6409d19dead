import type { SweepRecord } from '../runs/sweep-record.ts';
import { CURTAILED_NOTE } from '../evaluation/curtailed-points.ts';
import { type Job, type JobContext, jobOn } from './job-context.ts';
import { measureStage } from './measure-stage.ts';
import { stepSummary, totalWork } from './step.ts';
import { curveSteps, stageSteps, type SweepInput, planStages, sweepSources } from './planned-stages.ts';
import type { Stage } from './sweep-stage.ts';
import { type ModelProfiles, writeSweepFiles } from './write-sweep-files.ts';

export type { SweepInput } from './planned-stages.ts';

/**
 * A sweep: for every model and task its profile (where a method needs one), then the unpruned model and the candidates
 * made from that task's own profile, on that task's test items. Everything is a step under a content key: a step on
 * disk is not computed again, and a point is announced when its step is on disk.
 */
export const sweepJob = (
  input: SweepInput,
  createRecord: (context: JobContext, notes: readonly string[]) => SweepRecord,
): Job =>
  jobOn(sweepSources(input), async (context) => {
    const { models, tasks, candidates = [] } = input;
    context.meter.describe('Reading tasks');
    const { stages, notes } = await planStages(context, input);
    const record = createRecord(context, notes);
    context.meter.setTotal(totalWork(stages.flatMap(stageSteps)));
    if (input.settings.stop === 'early') {
      record.note(CURTAILED_NOTE);
      context.meter.expectSavings(totalWork(stages.flatMap((planned) => curveSteps(planned, planned.curves))));
    }
    const opened: Stage[] = [];
    try {
      for (const planned of stages) {
        const stage = await planned.open(record);
        opened.push(stage);
        await measureStage(stage, planned.curves, candidates);
      }
    } finally {
      await record.write();
    }
    const profiles = models.map((model): ModelProfiles => ({
      model,
      profiled: tasks.flatMap(({ name }) => {
        const stage = opened.find(
          ({ measurement }) => measurement.model.name === model.name && measurement.task.name === name,
        );
        const statistics = stage?.source.statistics ?? null;
        return stage === undefined || statistics === null ? [] : [{ task: stage.source.task, statistics }];
      }),
    }));
    context.meter.describe('Writing outcomes');
    await writeSweepFiles(context, record, profiles);
    const summary = stepSummary(context.meter);
    record.note(summary);
    await record.write();
    return { output: null, summary };
  });
