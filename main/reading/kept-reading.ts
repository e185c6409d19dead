import type { RunProvenance } from '../contract/provenance.ts';
import { withMember } from '../files/canonical-json.ts';
import { bytesIn } from '../files/path-signature.ts';
import { sweepManifestOf } from '../runs/read-run.ts';
import { sweepDelta } from '../runs/recorded-spec.ts';
import type { RunSource } from '../runs/run-source.ts';
import type { QuestionOf } from './questions.ts';

/** An answer about a run with the run's provenance. */
export const vouchedAnswer = async <T extends object>(
  source: RunSource,
  run: string,
  answer: Promise<T>,
): Promise<T & { readonly provenance?: RunProvenance }> => {
  const found = await answer;
  const { provenance } = await source.vouched(run);
  return provenance === undefined ? found : { ...found, provenance };
};

type KeptQuestion = QuestionOf<'sweep' | 'size-trend' | 'comparison' | 'report'>;

/** What an answer is kept under; null where it is not, at another margin than that of the sweep's settings. */
const keptUnder = async (source: RunSource, question: KeptQuestion): Promise<object | null> => {
  const { run, delta, familywise } = question;
  const recordedDelta = sweepDelta(await sweepManifestOf(source, run));
  const isOwn = delta === undefined || delta === recordedDelta;
  return isOwn ? { ...question, delta: recordedDelta, familywise: familywise === true } : null;
};

/** An answer that is kept for the next time, with the run's provenance. */
export const keptAnswer = async <T extends object>(
  source: RunSource,
  question: KeptQuestion,
  make: () => Promise<T>,
): Promise<T & { readonly provenance?: RunProvenance }> => {
  const { run } = question;
  const what = await keptUnder(source, question);
  return vouchedAnswer(source, run, what === null ? make() : source.kept.of(source, run, what, make));
};

const vouchedText = async (source: RunSource, run: string, text: string): Promise<string> => {
  const { provenance } = await source.vouched(run);
  return provenance === undefined ? text : withMember(text, 'provenance', provenance);
};

/** The same as JSON text, which is not parsed where it is kept. */
export const keptText = async <T extends object>(
  source: RunSource,
  question: KeptQuestion,
  make: () => Promise<T>,
): Promise<string> => {
  const { run } = question;
  const what = await keptUnder(source, question);
  const text = what === null ? JSON.stringify(await make()) : await source.kept.textOf(source, run, what, make);
  return vouchedText(source, run, text);
};

/** A process that must answer others meanwhile hashes no more: 0.05 s. */
const MOST_HASHED_BYTES = 64 * 2 ** 20;

/** The text of a sweep that is kept, without a thread; null: it is not kept, or the run is too large to look here. */
export const keptSweepText = async (source: RunSource, question: QuestionOf<'sweep'>): Promise<string | null> => {
  const { run } = question;
  if ((await bytesIn(source.runs.folder(run))) > MOST_HASHED_BYTES) return null;
  const what = await keptUnder(source, question);
  const text = what === null ? null : await source.kept.textIfKept(source, run, what);
  return text === null ? null : vouchedText(source, run, text);
};
