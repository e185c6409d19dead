import { define } from './definition-text.ts';

/** What is given: models, tasks, devices, and what is written. */
export const modelsAndTasks = define({
  totalParameters: { term: 'Total parameters', text: 'All weights of the checkpoint.' },
  expertParameters: { term: 'Expert parameters', text: 'Weights inside routed experts: what pruning can take away.' },
  activeParameters: {
    term: 'Active parameters',
    text:
      'Weights used for one token: the dense parts, the router and top-k experts. Pruning experts takes away ' +
      'router rows only, as long as top-k stays.',
  },
  sizeBytes: { term: 'Size on disk', text: 'Bytes of the weight files, in powers of 1024.' },
  memory: {
    term: 'Memory needed',
    text: 'Resident: every block loaded at once. Streaming: one at a time, slower, for models larger than memory.',
  },
  topK: { term: 'Top-k', text: 'Experts that the router chooses for each token.' },
  experts: { term: 'Experts', text: 'Routed experts in each MoE layer (E).' },
  layers: {
    term: 'Layers',
    text: 'Transformer blocks; those with experts are MoE layers and are numbered from 0 here.',
  },
  normTopK: {
    term: 'Gates renormalised',
    text:
      'Whether the weights of the chosen experts are divided by their sum. Where they are not, kept experts get ' +
      'more weight after pruning.',
  },
  items: {
    term: 'Items',
    text: 'Test items are scored; calibration items only make profiles. The two never overlap.',
  },
  profiled: {
    term: 'Profile',
    text: 'Filled: routing statistics of the selected model on this task’s calibration items are on disk.',
  },
  chance: { term: 'Chance', text: 'Accuracy of guessing: the mean of 1 / choices over the test items.' },
  acc: {
    term: 'Accuracy (acc)',
    text: 'Share of items whose right choice has the largest log-likelihood, summed over its tokens after the context.',
    formula: 'argmax_c Σ log p(token | before)',
  },
  acc_norm: {
    term: 'Length-normalised accuracy (acc_norm)',
    text: 'Share of items whose right choice has the largest log-likelihood per character.',
    formula: 'argmax_c Σ log p / characters',
  },
  perplexity: {
    term: 'Perplexity',
    text: 'Exponential of the mean negative log-likelihood per token; lower is better.',
    formula: 'exp(−Σ log p / tokens)',
  },
  exact_match: {
    term: 'Exact match (exact_match)',
    text: 'Share of items where what the model writes, filtered as the task says, equals a right answer.',
  },
  logitDifference: {
    term: 'Largest logit difference',
    text:
      'Largest absolute difference of float32 logits between the masked (or merged) original and the reopened ' +
      'export, over all probe tokens.',
  },
  sameExperts: {
    term: 'Same experts',
    text: 'Whether every token chose the same experts, after renumbering, at every MoE layer.',
  },
  sameTensors: {
    term: 'Same tensors',
    text:
      'Whether every tensor of the export is byte for byte the plan’s slice of the source (merged experts: ' +
      'recomputed).',
  },
  deviceName: { term: 'Device', text: 'What the provider runs on, as far as the system tells it.' },
  deviceDeviation: {
    term: 'Deviation from the processor',
    text:
      'Largest relative difference of a small block’s and the scoring head’s outputs from the processor’s. More ' +
      'than 1e-3 is refused, and so is a device that routes a token to other experts.',
    formula: 'max |x − x_cpu| / max(1, |x_cpu|)',
  },
  devicePrecision: { term: 'Precision', text: 'Every graph computes in float32, whatever its weights are stored in.' },
  nodesOnCpu: {
    term: 'Nodes on the processor',
    text:
      'Part of the probe’s nodes that onnxruntime placed on the processor all the same, read from its profile; ' +
      'copies between the two memories are not counted.',
  },
  operatorsOnCpu: {
    term: 'Operators on the processor',
    text: 'Which operators the provider left to the processor, with how many nodes.',
  },
  blockTime: {
    term: 'Time of a small block',
    text:
      'Median over warm runs of the probe’s block, on one thread. It is too small to tell how a large model would ' +
      'do.',
  },
  computedOn: {
    term: 'Computed on',
    text: 'The device that the run’s manifest records: provider, precision, threads, and what its probe found.',
  },
  fingerprint: {
    term: 'Fingerprint',
    text: 'Hash of the configuration, the tensor headers and sampled weights. Equal fingerprints: the same model.',
  },
});
