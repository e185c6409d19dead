import { z } from 'zod';

/** What can run a model's blocks: the processor, or an accelerator through one of onnxruntime's execution providers. */
export const providerName = z.enum(['cpu', 'webgpu', 'cuda', 'directml', 'coreml']);
export type ProviderName = z.infer<typeof providerName>;

/** Largest relative deviation from the processor's numbers that a provider may show. */
export const DEVIATION_LIMIT = 1e-3;

/** What a probe's process measured on a small seeded model: one block and the scoring head, against the processor. */
export const probeMeasurement = z.object({
  /** max |provider - cpu| / max(1, |cpu|) over every number of the outputs; null where one of them is no number. */
  deviation: z.number().nonnegative().nullable(),
  tokens: z.number().int().positive(),
  /** Tokens of which the provider chose other experts than the processor. */
  otherChoices: z.number().int().nonnegative(),
  /** Nodes of the two graphs as onnxruntime's profile places them; copies between the two memories are not counted. */
  nodes: z.object({ total: z.number().int().positive(), onCpu: z.number().int().nonnegative() }),
  /** Operators that ran on the processor, with how often. */
  operatorsOnCpu: z.array(z.object({ operator: z.string(), nodes: z.number().int().positive() })),
  /** Median over warm runs of the block, on one thread. */
  millisecondsPerBlock: z.number().positive(),
  cpuMillisecondsPerBlock: z.number().positive(),
  /** Null where neither onnxruntime nor the system tells it. */
  deviceName: z.string().nullable(),
});
export type ProbeMeasurement = z.infer<typeof probeMeasurement>;

/** How a probe's process came to its end. */
export const probeEnd = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('measured'), measurement: probeMeasurement }),
  /** The probe said why it cannot measure. */
  z.object({ kind: z.literal('failed'), message: z.string() }),
  /** The process went without a word (a crash in a driver), or took too long and was killed. */
  z.object({ kind: z.literal('lost'), message: z.string() }),
]);
export type ProbeEnd = z.infer<typeof probeEnd>;

/** Whether a provider can be used here, and what was found. Figures are null where it could not be measured. */
export const providerProbe = z.object({
  provider: providerName,
  available: z.boolean(),
  /** Why it cannot be used; null where it can. */
  reason: z.string().nullable(),
  precision: z.string(),
  measurement: probeMeasurement.nullable(),
  /** Part of the nodes that ran on the processor, 0 to 1. */
  shareOnCpu: z.number().min(0).max(1).nullable(),
});
export type ProviderProbe = z.infer<typeof providerProbe>;

/** A provider as it is known without trying it. */
export const providerListing = z.object({
  provider: providerName,
  title: z.string(),
  /** The runtime here knows it and its libraries are there. That is not to say that it works: only a probe can tell. */
  present: z.boolean(),
  /** In words: in the package, not for this platform, or what is missing. */
  note: z.string(),
  /** The command that fetches what is missing, where there is one. */
  command: z.string().nullable(),
  /** This engine computes with it. */
  used: z.boolean(),
  /** The answer of this process's last probe; null where it was not probed. */
  probe: providerProbe.nullable(),
});
export type ProviderListing = z.infer<typeof providerListing>;

/** What computed a run, as its manifest records it. Optional fields: absent on the processor, which is not probed. */
export const runDevice = z.object({
  provider: z.string(),
  precision: z.string(),
  threads: z.number(),
  processor: z.string(),
  /** The accelerator's name where it is known. */
  name: z.string().optional(),
  /** Part of the probe's nodes that ran on the processor all the same, 0 to 1. */
  shareOnCpu: z.number().optional(),
  /** The probe's largest relative deviation from the processor. */
  deviation: z.number().optional(),
});
export type RunDevice = z.infer<typeof runDevice>;
