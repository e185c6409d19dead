import { z } from 'zod';
import { boundedList, boundedRecord, boundedText } from './bounds.ts';
import { setting } from './setting.ts';

/**
 * Devices of onnxruntime for a model's blocks and head: an execution provider in float32, or once more in half
 * precision.
 */
export const providerName = z.enum(['cpu', 'webgpu', 'webgpu-float16', 'cuda', 'directml', 'coreml']);
export type ProviderName = z.infer<typeof providerName>;

/** A device as options and manifests name it. */
export interface NamedDevice {
  readonly provider: string;
  readonly precision: string;
}

export const namesOfDevice = (device: ProviderName): NamedDevice =>
  device === 'webgpu-float16'
    ? { provider: 'webgpu', precision: 'float16' }
    : { provider: device, precision: 'float32' };

/** The device of an execution provider and a precision; null: there is none. */
export const deviceNamed = ({ provider, precision }: NamedDevice): ProviderName | null =>
  providerName.options.find((device) => {
    const named = namesOfDevice(device);
    return named.provider === provider && named.precision === precision;
  }) ?? null;

/**
 * Why onnxruntime has no such device. For the processor: a product of 512, 64 and 1 rows with a matrix of 8192 x 2048
 * took 0.96, 1.01 and 0.82 times the processor time of float32 in float16, in the memory of float32, since a session
 * casts the matrix back; where it may not, 1.2, 1.3 and 2.2 times (onnxruntime 1.30, one thread, x86-64 with AVX-512
 * but no float16 arithmetic; medians of nine).
 */
export const whyNoDevice = ({ provider, precision }: NamedDevice): string => {
  if (precision === 'bfloat16') return 'onnxruntime has no products in bfloat16.';
  if (provider === 'cpu')
    return (
      'On the processor onnxruntime turns float16 weights back into float32: that saves no memory and no time, and ' +
      'products with weights that stay half take up to twice as long.'
    );
  return `float16 is for webgpu: it was not tried on ${provider}.`;
};

/** "webgpu", or "webgpu in float16". */
export const deviceWords = (device: ProviderName): string => {
  const { provider, precision } = namesOfDevice(device);
  return precision === 'float32' ? provider : `${provider} in ${precision}`;
};

/** Execution providers, as `--device` names them. */
export const runtimeDevices = ['cpu', 'webgpu', 'cuda', 'directml', 'coreml'] as const satisfies ProviderName[];

/** Largest relative deviation from the processor's numbers in float32 allowed for a device in float32. */
export const DEVIATION_LIMIT = 1e-3;

/**
 * The same for a device in half precision, whose products round their factors and their sums to 11 bits; 6.6e-3 on
 * software Vulkan. Fraction of the probe's tokens that may go to other experts there: scores nearer to each other than
 * that rounding can change places.
 */
export const HALF_DEVIATION_LIMIT = 2e-2;
export const HALF_OTHER_CHOICES = 0.05;

/** Measurements of a probe on a small seeded model: one block and the scoring head, compared with the processor. */
export const probeMeasurement = z.object({
  /**
   * max |provider - cpu| / max(1, |cpu|) over the outputs of all tokens that both sent to the same experts; null where
   * one of them is not a number.
   */
  deviation: z.number().nonnegative().nullable(),
  tokens: z.number().int().positive(),
  /** Tokens for which the provider chose other experts than the processor. */
  otherChoices: z.number().int().nonnegative(),
  /** Nodes of the two graphs by onnxruntime's profile, without copies between the two memories. */
  nodes: z.object({ total: z.number().int().positive(), onCpu: z.number().int().nonnegative() }),
  /** Operators that ran on the processor, with their counts. */
  operatorsOnCpu: boundedList(z.object({ operator: boundedText, nodes: z.number().int().positive() })),
  /** Median over warm runs of the block, on one thread. */
  millisecondsPerBlock: z.number().positive(),
  cpuMillisecondsPerBlock: z.number().positive(),
  /** Null where neither onnxruntime nor the system reports one. */
  deviceName: boundedText.nullable(),
});
export type ProbeMeasurement = z.infer<typeof probeMeasurement>;

/** How a probe ended. */
export const probeEnd = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('measured'), measurement: probeMeasurement }),
  /** The probe reported why it cannot measure. */
  z.object({ kind: z.literal('failed'), message: boundedText }),
  /** The process died without an answer (a crash in a driver), or timed out and was killed. */
  z.object({ kind: z.literal('lost'), message: boundedText }),
]);
export type ProbeEnd = z.infer<typeof probeEnd>;

/** Whether a provider can be used here, and what the probe found. Figures are null where it could not measure. */
export const providerProbe = z.object({
  provider: providerName,
  available: z.boolean(),
  /** Why it cannot be used; null where it can. */
  reason: boundedText.nullable(),
  precision: boundedText,
  measurement: probeMeasurement.nullable(),
  /** Part of the nodes that ran on the processor, 0 to 1. */
  shareOnCpu: z.number().min(0).max(1).nullable(),
});
export type ProviderProbe = z.infer<typeof providerProbe>;

/** Facts about a provider that are known without trying it. */
export const providerListing = z.object({
  provider: providerName,
  title: boundedText,
  /** The runtime knows it and its libraries are installed. Only a probe can show that it works. */
  present: z.boolean(),
  /** In words: included, not for this platform, or what is missing. */
  note: boundedText,
  /** The command that fetches what is missing, where there is one. */
  command: boundedText.nullable(),
  /** This engine computes with it. */
  used: z.boolean(),
  /** This process's last probe result; null where it was not probed. */
  probe: providerProbe.nullable(),
});
export type ProviderListing = z.infer<typeof providerListing>;

/** Number format in which the engine torch holds weights and computes products. */
export const torchPrecision = z.enum(['float32', 'bfloat16', 'float16']);
export type TorchPrecision = z.infer<typeof torchPrecision>;

/** Cards, or the processor, as PyTorch names them: one process each; `auto`: one model over all cards. */
export const torchDevice = z
  .string()
  .max(200)
  .regex(/^(?:auto|cpu(?:,cpu)*|cuda:\d{1,3}(?:,cuda:\d{1,3})*)$/)
  .refine((list) => !list.startsWith('cuda') || new Set(list.split(',')).size === list.split(',').length, {
    message: 'a card is named twice',
  });
export const TORCH_DEVICES = 'cpu, cuda:N, several such as cuda:0,cuda:1 (each once), or auto';

/** Settings of the engine, with their texts; command line, window and documents derive from them. */
export const describedEngineSettings = z.object({
  engine: setting(z.enum(['onnxruntime', 'torch']).default('onnxruntime'), {
    label: 'Engine',
    flag: 'engine',
    help: 'Program that computes: onnxruntime, or torch (PyTorch in a Python with it).',
    about:
      'onnxruntime is part of the workbench and computes in float32. torch is PyTorch in your own Python, with ' +
      'transformers’ own classes, also in half precision and on CUDA cards. A run never mixes them.',
    words: { torch: 'PyTorch' },
  }),
  python: setting(z.string().max(4096).optional(), {
    label: 'Python',
    flag: 'python',
    value: 'FILE',
    help: 'For --engine torch: Python with PyTorch and transformers.',
    otherwise: 'the environment that "uncurl doctor --python" makes',
    hint: '/path/to/.venv/bin/python',
  }),
  precision: setting(torchPrecision.optional(), {
    label: 'Precision',
    flag: 'precision',
    help: 'Number format of weights and products: float16 also with --device webgpu, any with --engine torch.',
    about:
      'Number format in which weights are held and products computed: any of the three in PyTorch, float32 or (on ' +
      'WebGPU) float16 in onnxruntime. In half precision answers and thresholds can differ from those of float32.',
    otherwise: 'float32; with --engine torch bfloat16 where the checkpoint is bfloat16 and the device computes it',
  }),
});

/** A card that PyTorch finds; sizes in bytes. */
export const torchCard = z.object({ name: boundedText, totalBytes: z.number(), freeBytes: z.number() });

/** PyTorch of a Python, as it answers once started. */
export const torchFound = z.object({
  versions: boundedRecord(boundedText, boundedText),
  /** In PyTorch's order: `cuda:0` is the first. */
  cards: boundedList(torchCard),
  /** Whether the processor has units for bfloat16. */
  bfloat16: z.boolean(),
});
export type TorchFound = z.infer<typeof torchFound>;

/** The workspace's own environment with PyTorch. */
export const pythonEnvironment = z.object({
  /** Its versions; null where there is none that can be used. */
  versions: boundedRecord(boundedText, boundedText).nullable(),
  /** The last line that its making said; null: it is not being made. */
  making: boundedText.nullable(),
  /** Why it could not be made, or cannot be used; null also where there is none. */
  problem: z.object({ message: boundedText, remedy: boundedText }).nullable(),
});
export type PythonEnvironment = z.infer<typeof pythonEnvironment>;

/** PyTorch as the engine of a run: the Python that computed, which a run that goes on starts again. */
export const torchEngine = z.object({ name: z.literal('torch'), python: z.string().max(4096) });

/** The device that computed a run, as its manifest records it. Optional fields are absent for the processor. */
export const runDevice = z.object({
  /** Execution provider of onnxruntime, or PyTorch's name of the device. */
  provider: boundedText,
  precision: boundedText,
  threads: z.number(),
  processor: boundedText,
  /** The accelerator's name where it is known. */
  name: boundedText.optional(),
  /** Fraction of the probe's nodes that still ran on the processor, 0 to 1. */
  shareOnCpu: z.number().optional(),
  /** The probe's largest relative deviation from the processor. */
  deviation: z.number().optional(),
  /** Absent for onnxruntime. */
  engine: torchEngine.optional(),
});
export type RunDevice = z.infer<typeof runDevice>;
