import { define } from './definition-text.ts';

/** What the router did, and what a plan makes of it. */
export const routingAndPlans = define({
  share: {
    term: 'Share of tokens',
    text:
      'How often the router chose this expert: tokens whose top-k holds it, over all real tokens of the calibration ' +
      'items. The shares of a layer add up to k.',
    formula: 'n_e / T,  n_e = |{t : e in top-k(t)}|',
  },
  gate: {
    term: 'Gate mass',
    text:
      'The weight the router gives this expert, averaged over all tokens (0 where it was not chosen), by the model’s ' +
      'own routing rule.',
    formula: '(1/T) Σ g_{t,e} over tokens that chose e',
  },
  reap: {
    term: 'REAP saliency (mean)',
    text:
      'Gate weight times the length of the expert’s output, averaged over the tokens that chose it; 0 for an expert ' +
      'that no token chose.',
    formula: '(1/n_e) Σ g_{t,e} ‖f_e(x_t)‖₂',
  },
  ean: {
    term: 'Activation norm (EAN)',
    text: 'Length of the expert’s own, ungated output, averaged over the tokens that chose it.',
    formula: '(1/n_e) Σ ‖f_e(x_t)‖₂',
  },
  difference: {
    term: 'Difference to a task or model',
    text:
      'Value on the task in focus minus value on another task, or of another model on this task (one of the same ' +
      'shape, or a pruned copy: its experts are held against those that they were, and those that it lacks are shown ' +
      'as gone). Orange: more here; blue: more there.',
  },
  expertOrder: {
    term: 'Order of experts',
    text:
      'How experts stand in each layer, every layer by itself: by their numbers; by what the map shows, the largest ' +
      'first; by the same metric on another task; by the plan (merged experts beside their group’s reference, ' +
      'dropped ones last); or by likeness: leaves of average linkage on the centred cosine of their router logits.',
  },
  mapScaling: {
    term: 'Colours',
    text:
      'How colours follow values. Linear from 0 (a few far larger cells are clipped, and counted); logarithmic; by ' +
      'rank among all cells of the map; or each layer by itself, from 0 to its largest value.',
  },
  effectiveExperts: {
    term: 'Effective experts',
    text:
      'How many equally used experts would spread the tokens as evenly as this layer does: the exponential of the ' +
      'entropy of the token shares.',
    formula: 'exp(−Σ q_e ln q_e),  q_e = n_e / Σ n_e',
  },
  rank: {
    term: 'Rank in layer',
    text:
      'Place of the expert among all experts of its layer by the metric on screen; 1 is the largest. Equal values: ' +
      'the lower expert number comes first.',
  },
  shareOfLayer: {
    term: 'Share of the layer',
    text: 'The expert’s value over the sum of its layer, by the metric on screen.',
  },
  tokensRouted: {
    term: 'Tokens routed here',
    text: 'n_e: real tokens of the calibration items whose top-k holds this expert. Padding never counts.',
  },
  fate: {
    term: 'Fate by method and factor',
    text:
      'What the methods ticked for the sweep would do with this expert at each factor, made for what the plan is ' +
      'made for: kept (●), dropped (hatched), or merged into the expert whose number is shown.',
  },
  factor: {
    term: 'Pruning factor',
    text: 'Experts before over experts after, per MoE layer. ×2 halves them. At least top-k experts always stay.',
    formula: 'E / E′',
  },
  keptExperts: { term: 'Kept experts', text: 'Experts that remain in each MoE layer after pruning (E′).' },
  droppedShare: {
    term: 'Dropped share',
    text:
      'The part of the unpruned model’s routed choices, over all MoE layers and every token of the calibration items, ' +
      'whose expert the plan drops. Of a merge: whose expert merges into another one (all members of a group but its ' +
      'reference), so that it is what may be lost at most. The same factor drops far less where there are many ' +
      'experts. Absent where no profile tells it.',
    formula: 'choices of experts that go / all choices',
  },
  method: { term: 'Method', text: 'How the experts that stay are chosen, or how they are merged.' },
  layerCounts: {
    term: 'Kept experts by layer',
    text: 'Experts that stay in each MoE layer, from top-k to all. Moving the factor sets all layers alike again.',
  },
  pins: {
    term: 'Pins',
    text:
      'Experts that must stay or must go, whatever the method says. Merges leave an expert that must stay alone, and ' +
      'give one that must go no weight. Plans of sweeps know no pins.',
  },
  taskWeights: {
    term: 'Task weights',
    text:
      'How much each task counts in a plan for several: the scores of each task are divided by their sum per layer, ' +
      'then weighted and added.',
    formula: 'S_e = Σ_t w_t s_{t,e} / Σ_i s_{t,i}',
  },
  importedPlan: {
    term: 'Imported plan',
    text:
      'A plan file says itself which experts stay or merge: method, factor, budget and pins do not count while it is ' +
      'shown.',
  },
  importedRanking: {
    term: 'Imported ranking',
    text:
      'A file with the experts of each MoE layer, best first. The factor (or a number by layer) says how many of ' +
      'them stay; pins count, the method does not.',
    formula: '{"0": [3, 1, …], "1": […]}',
  },
  search: {
    term: 'Search',
    text:
      'Such a method proposes plans and measures each on the calibration items, within a budget of evaluations that ' +
      'is one of its options, or goes layer by layer through the pruned model. The job bar tells how many candidates ' +
      'were measured, and the best so far.',
  },
  refitExperts: {
    term: 'Refit of the experts',
    text:
      'The down projections of the experts that stay, by closed-form least squares, layer by layer. The job bar ' +
      'counts it as 25 passes over the calibration items for each plan. Its curve is called “…, recovered” here and ' +
      '…+recovery in files.',
  },
  refitRouter: {
    term: 'Refit of the router',
    text:
      'The rows of the router, by at most 400 steps of descent on each layer’s output, every fourth item held out; ' +
      'where those gain nothing, the router stays as it was. Every expert that stays runs on every calibration ' +
      'token. Counted as the refit of the experts is. Its curve is called “…, router recovered” here and …+router in ' +
      'files.',
  },
  refitRouterAndExperts: {
    term: 'Refit of router and experts',
    text:
      'In each layer the router first, then the down projections under the routing that it gives: costs both refits. ' +
      'Its curve is called “…, router and experts recovered” here and …+router+experts in files.',
  },
  recoveredMark: {
    term: 'Recovered',
    text:
      'The same plans with weights of what stays refitted on the calibration items, without training: same colour ' +
      'and shape, an open mark with a dot, another dash.',
  },
  madeFor: {
    term: 'Made for',
    text:
      'The tasks whose calibration statistics the plan is made from. Several tasks are averaged per layer, by their ' +
      'weights.',
  },
});
