import type { MethodPage } from '../../../main/contract/method.ts';

/** A minimal page of a method that drops experts by routing. */
export const methodPageOf = (name: string): MethodPage => ({
  name,
  title: name,
  summary: '',
  kind: 'drop',
  needs: 'routing',
  cost: '',
  formula: '',
  defaults: '',
  source: '',
  pitfalls: [],
  draws: false,
  options: [],
  text: '',
});
