import { define } from './definition-text.ts';

/** What is given: models, tasks, devices, and what is written. */
export const modelsAndTasks = define({
  totalParameters: { term: 'Total parameters', text: 'All weights of the checkpoint.' },
  expertParameters: { term: 'Expert parameters', text: 'Weights inside routed experts: what pruning can take away.' },
  activeParameters: {
    term: 'Active parameters',
    text:
      'Weights used for one token: the dense parts, the router and top-k experts. Pruning experts takes away router ' +
      'rows only, as long as top-k stays.',
  },
  sizeBytes: { term: 'Size on disk', text: 'Bytes of the weight files, in powers of 1000.' },
  memory: {
    term: 'Memory needed',
    text: 'Resident: every block loaded at once. Streaming: one at a time, slower, for models larger than memory.',
  },
  fitsHere: {
    term: 'Fits here',
    text:
      'Which of the two the memory budget for weights lets this machine do. The budget is one of the settings; as ' +
      'usual it is 60 % of the memory.',
  },
  storedAs: { term: 'Stored as', text: 'Type of the numbers in the weight files; every graph computes in float32.' },
  widths: {
    term: 'Hidden, expert width',
    text: 'Numbers of a token between blocks, and neurons inside each routed expert.',
  },
  positions: {
    term: 'Positions',
    text: 'Tokens that the model can read at once; longer contexts are cut on the left.',
  },
  sharedExperts: {
    term: 'Shared experts',
    text: 'Experts that every token passes beside those that the router chooses. Pruning leaves them as they are.',
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
      'Whether the weights of the chosen experts are divided by their sum. Where they are not, kept experts get more ' +
      'weight after pruning.',
  },
  items: {
    term: 'Items',
    text: 'Test items are scored; calibration items only make profiles. The two never overlap.',
  },
  ticked: {
    term: 'Ticked tasks',
    text: 'Tasks that are ticked in the list on the left beside the one in focus: what Profile and a sweep run on.',
  },
  profiled: {
    term: 'Profile',
    text: 'Filled: routing statistics of the selected model on this task’s calibration items are on disk.',
  },
  chatTemplate: {
    term: 'Chat template',
    text:
      'On: every prompt is what the checkpoint’s own template makes of the item, few-shot examples as turns, choices ' +
      'after the model’s turn has begun (as lm-evaluation-harness with --apply_chat_template ' +
      '--fewshot_as_multiturn). Off: plain text. A model tuned for chat may use other experts for the two.',
  },
  withoutQuestion: {
    term: 'Without the question',
    text:
      'Accuracy where each item’s choices stand after another item’s question, as the task’s folder states it for ' +
      'the models it names. Where it lies above chance, the choices alone give answers away, and accuracy down to it ' +
      'needs no reading of the question.',
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
  finetunePython: {
    term: 'Python',
    text:
      'Fine-tuning runs in Python 3.10 or later with PyTorch 2.6 and transformers 5 or later, yours or that of the ' +
      'workspace. Nothing else of the workbench needs it.',
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
      'Largest relative difference of a small block’s and the scoring head’s outputs from the processor’s. More than ' +
      '1e-3 is refused, and so is a device that routes a token to other experts.',
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
    text: 'Median over warm runs of the probe’s block, on one thread: too small to tell how a large model would do.',
  },
  computedOn: {
    term: 'Computed on',
    text: 'The device that the run’s manifest records: provider, precision, threads, and what its probe found.',
  },
  fingerprint: {
    term: 'Fingerprint',
    text: 'Hash of configuration, tensor headers and weights (above 64 MiB: samples of them). Equal: the same model.',
  },
});
