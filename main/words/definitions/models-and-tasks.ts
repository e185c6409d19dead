import { define } from './definition-text.ts';

/** Models, tasks, devices and exports. */
export const modelsAndTasks = define({
  bundledModels: {
    term: 'Bundled models',
    text:
      'Small models trained on the bundled tasks; the number is E, the experts of a layer. `uncurl-*`: three ' +
      'layers with experts, two for each token (as Mixtral). `switch-*`: four layers, experts in two of them, ' +
      'one for each token. `wordy-16`: long answers, on which a pruned model can loop. They are no evidence ' +
      'about large models.',
  },
  totalParameters: { term: 'Total parameters', text: 'All weights of the checkpoint.' },
  expertParameters: { term: 'Expert parameters', text: 'Weights of the routed experts, which pruning can remove.' },
  activeParameters: {
    term: 'Active parameters',
    text:
      'Weights used for one token: the dense parts, the router and top-k experts. As long as top-k stays the same, ' +
      'pruning experts removes only router rows from these. Where constants replace experts (MoNE), a token may ' +
      'choose some of them and use less.',
  },
  sizeBytes: { term: 'Size on disk', text: 'Bytes of the weight files, in powers of 1000.' },
  memory: {
    term: 'Memory needed',
    text:
      'Resident: all blocks loaded at once. Streaming: one block at a time, slower, for models larger than memory. ' +
      'Both count weights in float32 (half as many bytes in float16, on a device that computes in it), sessions, and ' +
      'the values of one run.',
  },
  fitsHere: {
    term: 'Runs here',
    text:
      'Which of the two fits the memory budget on this machine. PyTorch holds the whole model in its precision, ' +
      'or few of its blocks at a time, with keys, values and the numbers of a pass, within the budget or on its ' +
      'cards. The budget is a setting; its default is 60 % of the memory.',
  },
  storedAs: {
    term: 'Experts stored as',
    text: 'Type of the numbers of the experts in the weight files. Graphs compute in the precision of the device.',
  },
  weightTypes: {
    term: 'Weight types',
    text:
      'Types of all tensors in the weight files, with their bytes. Quantised values are computed block by block ' +
      'before a graph runs, to the same bits as a reader of the file computes them; activations are not rounded.',
  },
  widths: {
    term: 'Hidden, expert width',
    text: 'Numbers per token between blocks, and neurons in each routed expert.',
  },
  positions: {
    term: 'Positions',
    text: 'Tokens that the model can read at once; longer contexts are cut on the left.',
  },
  sharedExperts: {
    term: 'Shared experts',
    text: 'Experts that every token uses in addition to those chosen by the router. Pruning leaves them unchanged.',
  },
  topK: { term: 'Top-k', text: 'Experts that the router chooses for each token.' },
  experts: { term: 'Experts', text: 'Routed feed-forward networks in each MoE layer (E).' },
  layers: {
    term: 'Layers',
    text: 'Transformer blocks. Those with experts are MoE layers, numbered here from 0.',
  },
  normTopK: {
    term: 'Gates renormalised',
    text:
      'Whether the weights of the chosen experts are divided by their sum. If not, the kept experts get more weight ' +
      'after pruning, unless their gates are folded.',
  },
  items: {
    term: 'Items',
    text:
      'Test items are scored. Calibration items are used for profiles, searches, refits and fine-tuning, never for ' +
      'scores. The two never overlap.',
  },
  ticked: {
    term: 'Ticked tasks',
    text: 'The tasks ticked in the list on the left, in addition to the task in focus. Profiling and sweeps use them.',
  },
  chosenMark: {
    term: 'Chosen',
    text: 'Ticked: profiles and sweeps use the task with answers that are chosen among the choices.',
  },
  writtenMark: {
    term: 'Written',
    text: 'Ticked: they use its items with answers that the model writes itself.',
  },
  profiled: {
    term: 'Profile',
    text:
      'Filled: routing statistics of the selected model on this task’s calibration items are on disk; half: of its ' +
      'chosen or its written answers.',
  },
  chatTemplate: {
    term: 'Chat template',
    text:
      'On: the checkpoint’s own template turns each item into a prompt, with few-shot examples as turns and the ' +
      'choices after the start of the model’s turn (as lm-evaluation-harness does with --apply_chat_template ' +
      '--fewshot_as_multiturn). Off: plain text. A chat-tuned model may use different experts for the two.',
  },
  withoutQuestion: {
    term: 'Without the question',
    text:
      'Accuracy when each item’s choices follow another item’s question, for the models named in the task’s folder. ' +
      'If it is above chance, the choices alone give answers away, and accuracy up to this value needs no reading ' +
      'of the question.',
  },
  chance: {
    term: 'Chance',
    text: 'Accuracy of random guessing: the mean of right choices / choices over the test items.',
  },
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
    text: 'Share of items for which the model’s written answer, after the task’s filters, equals a right answer.',
  },
  ending: {
    term: 'Endings (ending)',
    text:
      'Share of generated texts that end by a stop string or an end token before they run out of tokens, whatever ' +
      'they say. The items are prompts, with or without a right answer.',
  },
  teacher: {
    term: 'Teacher',
    text:
      'The unpruned model of a pruned one. In router distillation the routers of the pruned model learn its ' +
      'next-token distributions on the calibration items; all other weights stay. Both models are in memory.',
  },
  finetunePython: {
    term: 'Python',
    text:
      'Fine-tuning needs Python 3.10 or later with PyTorch 2.6 and transformers 5 or later: your own, or the ' +
      'workspace’s environment.',
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
      'Whether every tensor of the export equals the plan’s slice of the source, byte for byte (merged experts are ' +
      'recomputed).',
  },
  exportReferee: {
    term: 'Transformers',
    text: 'Whether the folder’s logits on 64 random tokens are those of transformers in the configured Python.',
  },
  deviceName: { term: 'Device', text: 'The hardware that the provider runs on, as reported by the system.' },
  deviceDeviation: {
    term: 'Deviation from the processor',
    text:
      'Largest relative difference from the processor in float32, in the outputs of a small block and of the scoring ' +
      'head. A device is refused if it exceeds 1e-3 or routes a token to other experts; in float16, if it exceeds ' +
      '2e-2 among the tokens that go to the same experts, or routes more than 5 % of the tokens to others.',
    formula: 'max |x − x_cpu| / max(1, |x_cpu|)',
  },
  devicePrecision: {
    term: 'Precision',
    text:
      'Number format of weights and of products with them, whatever type they are stored in. In float16 norms, ' +
      'routers, softmax and sums of the hidden state stay in float32.',
  },
  nodesOnCpu: {
    term: 'Nodes on the processor',
    text:
      'Share of the probe’s nodes that onnxruntime placed on the processor instead, according to its own profile. ' +
      'Copies between the two memories are not counted.',
  },
  operatorsOnCpu: {
    term: 'Operators on the processor',
    text: 'Operators that the provider left to the processor, with their numbers of nodes.',
  },
  blockTime: {
    term: 'Time of a small block',
    text:
      'Median over warm runs of the probe’s block, on one thread. The block is too small to predict the speed of a ' +
      'large model.',
  },
  computedOn: {
    term: 'Computed on',
    text: 'The device recorded in the run’s manifest: provider, precision, threads, and the results of its probe.',
  },
  fingerprint: {
    term: 'Fingerprint',
    text:
      'Short hash of every byte of configuration and weights: models with the same fingerprint have the same ones. A ' +
      'model above 64 MiB is hashed by the first run that stores a number of it.',
  },
  contentHash: {
    term: 'SHA-256',
    text:
      'SHA-256 of the list that sha256sum prints for every file that the model’s numbers depend on: weights, ' +
      'configuration, tokenizer, chat template, end tokens. Every stored number is kept under it.',
  },
});
