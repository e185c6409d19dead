import { methodOfLabel } from '../../../main/contract/method.ts';
import type { MethodName } from '../../../main/contract/plan.ts';

export interface MethodText {
  readonly title: string;
  /** One or two sentences: what it does and what it needs. */
  readonly description: string;
  readonly kind: 'drop' | 'merge';
}

const texts = {
  random: {
    title: 'Random',
    description: 'Keeps experts drawn at random, independently per layer. The floor that every other method has to beat; needs no profile. Look at several seeds.',
    kind: 'drop',
  },
  frequency: {
    title: 'Frequency',
    description: 'Keeps the experts that the router chooses most often on the task’s calibration items. Cheap, but usage misleads: rarely used experts can matter much.',
    kind: 'drop',
  },
  reap: {
    title: 'REAP',
    description: 'Keeps the experts with the largest mean of gate weight times output norm over the tokens that chose them: it counts how much an expert contributes, not only how often.',
    kind: 'drop',
  },
  'gate-mass': {
    title: 'Gate mass',
    description: 'Keeps the experts that gather the most router probability on the task: a soft count.',
    kind: 'drop',
  },
  ean: {
    title: 'Activation norm',
    description: 'Keeps the experts whose outputs, before their gate, are largest over the tokens routed to them.',
    kind: 'drop',
  },
  man: {
    title: 'MAN',
    description: 'Keeps the experts whose outputs are longest on average, whatever their gate.',
    kind: 'drop',
  },
  msan: {
    title: 'MSAN',
    description: 'Keeps the experts whose outputs have the largest mean square, whatever their gate.',
    kind: 'drop',
  },
  unified: {
    title: 'Unified family',
    description: 'Keeps experts by a product of powers of gate and output norm, summed or averaged: one formula for most criteria.',
    kind: 'drop',
  },
  'easy-ep': {
    title: 'EASY-EP',
    description: 'Keeps the experts with the largest gated outputs, counting the tokens most that the routed experts turn most.',
    kind: 'drop',
  },
  naee: {
    title: 'NAEE',
    description: 'Keeps the experts without whose fellows the layer’s output changes least, found by trying subsets. Runs every expert on every calibration token.',
    kind: 'drop',
  },
  tsep: {
    title: 'TSEP threshold',
    description: 'Keeps the experts of a layer that are used more than a set part of the mean, the same part in every layer: layers keep different numbers.',
    kind: 'drop',
  },
  'm-smoe': {
    title: 'M-SMoE',
    description: 'The most used experts lead groups; every other expert merges into the one whose router logits are most like its own.',
    kind: 'merge',
  },
  'hc-smoe': {
    title: 'HC-SMoE',
    description: 'Clusters experts by their mean outputs on the task, nearest first, and merges each cluster. Runs every expert on every calibration token.',
    kind: 'merge',
  },
  'sub-moe': {
    title: 'Sub-MoE',
    description: 'Clusters experts whose outputs point the same way, token by token, and averages each cluster. Runs every expert on every calibration token.',
    kind: 'merge',
  },
  ream: {
    title: 'REAM',
    description: 'The most salient experts take in the nearest of the others, so that most stay unchanged. Runs every expert on every calibration token.',
    kind: 'merge',
  },
  eep: {
    title: 'EEP',
    description: 'Searches by evolution for the experts to keep, by accuracy on the labelled calibration items: hundreds of measurements.',
    kind: 'merge',
  },
  uncurl: {
    title: 'UNCURL',
    description: 'Clusters the experts of each layer by their router logits on the task, aligns the members of a cluster and merges them, weighted by use. Nothing is thrown away, everything is averaged.',
    kind: 'merge',
  },
} as const satisfies Record<MethodName, MethodText>;

/** Methods that the window offers, in their lasting order. */
export const offeredMethods = ['random', 'frequency', 'reap', 'uncurl'] as const satisfies readonly (keyof typeof texts)[];

/** How the window names and explains the curve of a method; one that it does not know (of an imported run) stands under its own name. */
export const methodText = (label: string): MethodText => {
  const { method, isRecovered } = methodOfLabel(label);
  if (method === null) return { title: label, description: '', kind: 'drop' };
  const { title, description, kind } = texts[method];
  if (!isRecovered) return { title, description, kind };
  return { title: `${title}, recovered`, description: `${description} Its plans have their down projections refitted on the calibration items, without training.`, kind };
};

export const methodTitle = (method: string): string => methodText(method).title;
