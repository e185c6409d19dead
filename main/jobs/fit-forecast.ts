import type { FitCandidate, FitChoice, FitForecast, ForecastCall } from '../contract/fit.ts';
import { answersOf, type TaskItem } from '../contract/task.ts';
import { TWIN_SUFFIX } from '../evaluation/choice-and-writing.ts';
import {
  FORECAST_FACTORS,
  FORECAST_ITEMS,
  isForetoldSafe,
  isRecordedKind,
  outsideRecords,
} from '../evaluation/written-forecast.ts';
import type { FitSearch, FitSubject } from './fit-search.ts';

/** The right answer of a scoring item, which has it as its only choice. */
const answerOf = (item: TaskItem): readonly string[] => {
  return 'choices' in item ? item.choices.slice(0, 1) : [];
};

/** What a forecast reads: the settings, the model and the task, the scoring items, and the counts that can be kept. */
export interface ForecastSource extends Pick<FitSubject, 'settings' | 'source' | 'scoring'> {
  readonly counts: readonly number[];
}

/** Mean losses by ascending factor of plans as `chosen` was made, with weights as stored. */
const lossCurve = async (
  { source, counts }: ForecastSource,
  search: FitSearch,
  chosen: FitCandidate,
): Promise<FitForecast['curve']> => {
  const { experts } = source.model.checkpoint.info;
  const curve: { factor: number; loss: number }[] = [];
  for (const kept of new Set(FORECAST_FACTORS.map((factor) => Math.round(experts / factor)))) {
    if (kept >= experts || !counts.includes(kept)) continue;
    const plan = await search.madePlan({
      ...chosen,
      name: `forecast ${kept}`,
      refit: false,
      kept,
      weights: 'stored',
    });
    if (plan !== null) curve.push({ factor: experts / kept, loss: await search.lossOf(plan, FORECAST_ITEMS) });
  }
  return curve;
};

/**
 * What the first scoring items say of written answers, before any test item is answered. The task is the written one
 * itself, or the twin of a task with chosen answers. Undefined for texts, which have neither.
 */
export const foretell = async (
  subject: ForecastSource,
  search: FitSearch,
  { recommended, finalists, plans, scored }: FitChoice,
): Promise<FitForecast | undefined> => {
  const { settings, source, scoring } = subject;
  const { metric } = source.task.task;
  if (metric === 'perplexity') return undefined;
  const isWritten = answersOf({ metric }) === 'written';
  const task = isWritten ? source.task.name : `${source.task.name}${TWIN_SUFFIX}`;
  const chosen = scored.find(({ name }) => name === recommended);
  const { experts, parameters } = source.model.checkpoint.info;
  const answers = scoring.slice(0, FORECAST_ITEMS).flatMap(answerOf);
  const about = { experts, parameters: parameters.total, answers };
  const forecast: FitForecast = {
    task,
    unknown: outsideRecords({ ...about, method: chosen?.method ?? null }),
    method: chosen?.method ?? null,
    curve: [],
    calls: [],
    earlier: settings.earlierCalls ?? { tested: 0, held: 0 },
  };
  if (chosen === undefined || forecast.unknown !== null) return forecast;
  const calls: ForecastCall[] = [];
  // On the twin of a chosen task only the recommended model is tried.
  for (const [index, name] of [recommended, ...(isWritten ? finalists : [])].entries()) {
    const [candidate, plan] = [scored.find((entry) => entry.name === name), plans[index]];
    if (candidate === undefined || plan === undefined || !isRecordedKind(candidate)) continue;
    if (outsideRecords({ ...about, method: candidate.method }) !== null) continue;
    const loss = await search.lossOf(plan, FORECAST_ITEMS);
    calls.push({ name, task, loss, isSafe: isForetoldSafe(loss) });
  }
  return { ...forecast, curve: await lossCurve(subject, search, chosen), calls };
};
