import { define } from './definition-text.ts';

/** Routing statistics, single experts and plans. */
export const routingAndPlans = define({
  share: {
    term: 'Share of tokens',
    text:
      'How often the router chose this expert: tokens whose top-k contains it, divided by all real tokens of the ' +
      'calibration items. The shares of a layer sum to k.',
    formula: 'n_e / T,  n_e = |{t : e in top-k(t)}|',
  },
  gate: {
    term: 'Gate mass',
    text:
      'The router’s weight for this expert, averaged over all tokens (0 where it was not chosen), after the model’s ' +
      'own routing rule.',
    formula: '(1/T) Σ g_{t,e} over tokens that chose e',
  },
  reap: {
    term: 'REAP saliency (mean)',
    text:
      'Gate weight times the norm of the expert’s output, averaged over the tokens that chose it; 0 if no token ' +
      'did.',
    formula: '(1/n_e) Σ g_{t,e} ‖f_e(x_t)‖₂',
  },
  ean: {
    term: 'Activation norm (EAN)',
    text: 'Norm of the expert’s own, ungated output, averaged over the tokens that chose it.',
    formula: '(1/n_e) Σ ‖f_e(x_t)‖₂',
  },
  difference: {
    term: 'Difference to a task or model',
    text:
      'Value on the task in focus minus the value on another task, or of another model on this task. The other ' +
      'model must have the same shape or be a pruned copy; a pruned copy’s experts are matched to their originals, ' +
      'and missing ones are shown as gone. Orange: more here; blue: more there.',
  },
  expertOrder: {
    term: 'Order of experts',
    text:
      'Order of the experts within each layer: by number; by the value shown, largest first; by the same metric on ' +
      'another task; by the plan (merged experts next to their group’s reference, dropped ones last); or by ' +
      'similarity, the leaf order of average linkage on the centred cosine of their router logits.',
  },
  mapScaling: {
    term: 'Colours',
    text:
      'How colours follow values. Linear from 0 (a few far larger cells are clipped, and counted); logarithmic; by ' +
      'rank among all cells of the map; or for each layer separately, from 0 to its largest value.',
  },
  effectiveExperts: {
    term: 'Effective experts',
    text:
      'The number of equally used experts that would spread the tokens as evenly as this layer does: the ' +
      'exponential of the entropy of the token shares.',
    formula: 'exp(−Σ q_e ln q_e),  q_e = n_e / Σ n_e',
  },
  rank: {
    term: 'Rank in layer',
    text:
      'Rank of the expert among all experts of its layer by the metric on screen; 1 is the largest. On ties, the ' +
      'lower expert number comes first.',
  },
  shareOfLayer: {
    term: 'Share of the layer',
    text: 'The expert’s value divided by the sum over its layer, for the metric on screen.',
  },
  tokensRouted: {
    term: 'Tokens routed here',
    text: 'n_e: real tokens of the calibration items whose top-k contains this expert. Padding never counts.',
  },
  fate: {
    term: 'Fate by method and factor',
    text:
      'What the methods ticked for the sweep would do with this expert at each factor, planned for the same tasks ' +
      'as the plan: kept (●), dropped (hatched), or merged into the expert with the number shown.',
  },
  factor: {
    term: 'Pruning factor',
    text:
      'Experts before pruning divided by experts after, per MoE layer. ×2 halves them. At least top-k experts ' +
      'always stay.',
    formula: 'E / E′',
  },
  typedFactors: {
    term: 'Other factors',
    text:
      'Factors of at least 1, or “keep” and a number of experts, separated by commas. E / factor is rounded to whole ' +
      'experts; results show the factor that was reached.',
  },
  keptExperts: { term: 'Kept experts', text: 'Experts that remain in each MoE layer after pruning (E′).' },
  droppedShare: {
    term: 'Dropped share',
    text:
      'Share of the unpruned model’s routed choices, over all MoE layers and tokens of the calibration items, ' +
      'that go to experts which the plan drops, or merges into another one (an upper bound of what is lost). ' +
      'With more experts, the same factor drops a much smaller share. Empty if no profile gives it.',
    formula: 'choices of experts that go / all choices',
  },
  method: { term: 'Method', text: 'How the experts that stay are chosen, or how they are merged.' },
  layerCounts: {
    term: 'Kept experts by layer',
    text: 'Experts kept in each MoE layer, from top-k to all. Changing the factor makes all layers equal again.',
  },
  pins: {
    term: 'Pins',
    text:
      'Experts that must stay or must go, whatever the method chooses. Merging methods leave an expert that must ' +
      'stay unmerged, and give one that must go no weight. The plans of sweeps have no pins.',
  },
  taskWeights: {
    term: 'Task weights',
    text:
      'How much each task counts in a plan for several tasks: the scores of each task are divided by their sum per ' +
      'layer, then weighted and added.',
    formula: 'S_e = Σ_t w_t s_{t,e} / Σ_i s_{t,i}',
  },
  importedPlan: {
    term: 'Imported plan',
    text:
      'A plan file determines itself which experts stay or merge: method, factor, budget and pins have no effect ' +
      'while it is shown.',
  },
  importedRanking: {
    term: 'Imported ranking',
    text:
      'A file that lists the experts of each MoE layer, best first. The factor (or a number per layer) determines ' +
      'how many stay. Pins apply; the method does not.',
    formula: '{"0": [3, 1, …], "1": […]}',
  },
  search: {
    term: 'Search',
    text:
      'A search method proposes plans and measures each on the calibration items, within a budget of evaluations ' +
      '(an option), or works through the pruned model layer by layer. The jobs bar shows the number of candidates ' +
      'measured and the best so far.',
  },
  refitExperts: {
    term: 'Refit of the experts',
    text:
      'The down projections of the remaining experts, by closed-form least squares, layer by layer. The jobs bar ' +
      'counts a refit as 25 passes over the calibration items per plan. The curve is called “…, recovered” here and ' +
      '…+recovery in files.',
  },
  refitRouter: {
    term: 'Refit of the router',
    text:
      'The rows of the router, by at most 400 steps of gradient descent on each layer’s output; every fourth ' +
      'item is held out, and if those do not improve, the router stays unchanged. Costs as much as a refit of ' +
      'the experts in the jobs bar. The curve is called “…, router recovered” here and …+router in files.',
  },
  refitRouterAndExperts: {
    term: 'Refit of router and experts',
    text:
      'In each layer first the router, then the down projections under the new routing; costs both refits. The ' +
      'curve is called “…, router and experts recovered” here and …+router+experts in files.',
  },
  recoveredMark: {
    term: 'Recovered',
    text:
      'The same plans with weights refitted on the calibration items, without training. Same colour and shape, but ' +
      'an open mark with a dot and a different dash.',
  },
  madeFor: {
    term: 'Made for',
    text:
      'The tasks whose calibration statistics the plan is made from. Several tasks are averaged per layer by their ' +
      'weights.',
  },

  // Numbers of a single expert.
  takenTokens: {
    term: 'Tokens it takes',
    text:
      'Tokens of the calibration items that the router sent to this expert: by count, by the sum of their combine ' +
      'weights, or by surprise. Surprise is the log-likelihood ratio (in nats) of choosing the expert more often ' +
      'for this token than for all tokens (Dunning 1993). The contexts shown are those with the largest weights.',
    formula: 'k ln(k / nq) + (n − k) ln((n − k) / n(1 − q))',
  },
  tokenClass: {
    term: 'Class of token',
    text:
      'Word start: letters that do not follow a letter or digit. Continuation: letters that follow one. ' +
      'Digit, punctuation, white space: nothing else, apart from a leading space. Special: left out of plain ' +
      'text. Other: parts of characters, and mixtures. The bar is the share of the class’s tokens that choose ' +
      'the expert; the mark, of all tokens.',
  },
  tokenPosition: {
    term: 'Position',
    text:
      'Position of the token in its item, counted from 0, in octaves. The bar is the share of the tokens at these ' +
      'positions that choose the expert; the mark is that share over all tokens.',
  },
  chosenTogether: {
    term: 'Chosen together with',
    text:
      'Experts of the layer in the top-k of the same tokens. The bar is the share of this expert’s tokens; the mark ' +
      'is the other expert’s share of all tokens, which the bar would equal if the two were chosen independently.',
  },
  likeByRouter: {
    term: 'By router logits',
    text:
      'Cosine of the two experts’ router logits over all calibration tokens, after subtracting each token’s mean ' +
      'logit. High for experts that are wanted by the same tokens.',
  },
  likeByOutput: {
    term: 'By outputs',
    text: 'Cosine of the two experts’ ungated outputs on the same token, averaged over all calibration tokens.',
  },
  likeByWeights: {
    term: 'By weights',
    text:
      'Cosine of all weights of the two experts (gate, up and down) as stored. Neurons are not matched, so two ' +
      'experts with the same function but a different order of neurons do not look alike here.',
  },
  damageAlone: {
    term: 'Damage of this expert',
    text:
      'The test items of the task in focus, answered with only this expert removed, compared with the unpruned ' +
      'model on the same items. The two-sided 95 % interval is for each expert separately (Tango’s for accuracies): ' +
      'about one in twenty experts without any effect will show a difference.',
  },
});
