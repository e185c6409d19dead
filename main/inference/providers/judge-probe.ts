import {
  DEVIATION_LIMIT,
  HALF_DEVIATION_LIMIT,
  HALF_OTHER_CHOICES,
  type ProbeEnd,
  type ProbeMeasurement,
  type ProviderName,
  type ProviderProbe,
} from '../../contract/device.ts';
import { providers } from './provider.ts';

/** Outputs of one graph by name; integers are indices (chosen experts), which must be equal. */
export type ProbeOutputs = Readonly<Record<string, Float32Array | Int32Array>>;

/** Rows of outputs: the first axis of each. */
export interface SomeRows {
  readonly rows: ReadonlySet<number>;
  /** How many rows there are. */
  readonly of: number;
}

const NO_ROWS: SomeRows = { rows: new Set(), of: 1 };

/**
 * max |ours - theirs| / max(1, |theirs|) over all floating-point outputs, without some rows; null where one is NaN. The
 * 1 keeps numbers near zero, which are sums that cancel, from being judged by their own size.
 */
export const largestDeviation = (
  ours: ProbeOutputs,
  theirs: ProbeOutputs,
  without: SomeRows = NO_ROWS,
): number | null => {
  let largest = 0;
  for (const [name, reference] of Object.entries(theirs)) {
    const values = ours[name];
    if (!(reference instanceof Float32Array)) continue;
    if (values?.length !== reference.length) throw new Error(`output "${name}" has another length`);
    for (const [index, wanted] of reference.entries()) {
      if (without.rows.has(Math.floor((index * without.of) / reference.length))) continue;
      const deviation = Math.abs((values[index] ?? Number.NaN) - wanted) / Math.max(1, Math.abs(wanted));
      if (Number.isNaN(deviation)) return null;
      largest = Math.max(largest, deviation);
    }
  }
  return largest;
};

/** Rows of `width` indices of which at least one differs. */
export const differingRows = (ours: ArrayLike<number>, theirs: ArrayLike<number>, width: number): Set<number> => {
  const rows = new Set<number>();
  for (let first = 0; first < theirs.length; first += width) {
    let differs = false;
    for (let index = first; index < first + width; index += 1) differs ||= ours[index] !== theirs[index];
    if (differs) rows.add(first / width);
  }
  return rows;
};

/** Verdict on a provider from a probe's end: usable, or refused with the reason. */
export const judgeProbe = (provider: ProviderName, end: ProbeEnd): ProviderProbe => {
  if (end.kind !== 'measured') {
    const { title, needs } = providers[provider];
    return refusedProbe(
      provider,
      [sentence(end.message), ...(needs === null ? [] : [`${title} needs ${needs}.`])].join(' '),
    );
  }
  const { measurement } = end;
  const reason = objection(provider, measurement);
  const { total, onCpu } = measurement.nodes;
  return {
    provider,
    available: reason === null,
    reason,
    precision: providers[provider].precision,
    measurement,
    shareOnCpu: onCpu / total,
  };
};

/** A provider that could not be measured. */
export const refusedProbe = (provider: ProviderName, reason: string): ProviderProbe => ({
  provider,
  available: false,
  reason,
  precision: providers[provider].precision,
  measurement: null,
  shareOnCpu: null,
});

const objection = (
  provider: ProviderName,
  { deviation, tokens, otherChoices, nodes }: ProbeMeasurement,
): string | null => {
  const { title, precision } = providers[provider];
  const [limit, share] = precision === 'float16' ? [HALF_DEVIATION_LIMIT, HALF_OTHER_CHOICES] : [DEVIATION_LIMIT, 0];
  if (deviation === null) return `${title} gave outputs that are not numbers.`;
  if (deviation > limit) {
    return (
      `${title} deviates from the processor by ${deviation.toExponential(1)} (at most ` +
      `${limit.toExponential(0)} is accepted).`
    );
  }
  if (otherChoices > share * tokens)
    return `${title} routed ${otherChoices} of ${tokens} tokens to other experts than the processor.`;
  if (provider !== 'cpu' && nodes.onCpu === nodes.total)
    return `${title} took none of the ${nodes.total} nodes: everything would run on the processor.`;
  return null;
};

/** A message of the runtime as a sentence, without its source location. */
const sentence = (message: string): string => {
  // Every shader with 16-bit floats gives this message; the first one of a graph is enough.
  if (message.includes('requires f16 but the device does not support it')) return 'The device has no 16-bit floats.';
  const reason = message.replace(/^.* was false\. /s, '').trim();
  return /[.!?]$/.test(reason) ? reason : `${reason}.`;
};
