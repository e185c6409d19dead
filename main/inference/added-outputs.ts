import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { gatesInput } from '../checkpoint/routing.ts';
import { refuse } from '../contract/errors.ts';

/**
 * Refuses models whose experts' inputs are multiplied by their weights, for what runs experts without the router.
 *
 * @throws WorkbenchError `method-unsupported`.
 */
export const requireOutputGates = ({ name, descriptor }: Checkpoint, what: string): void => {
  if (!descriptor.moeLayers.some(({ moe }) => gatesInput(moe.routing))) return;
  throw refuse(
    'method-unsupported',
    `${name}: ${what} runs experts without the router, and in the family ${descriptor.family} the weights of the ` +
      `router multiply the inputs of experts.`,
    'Use another method, or leave it out.',
  );
};

/**
 * Refuses models whose experts' outputs are not added to the hidden states as they are, for what assumes that.
 *
 * @throws WorkbenchError `method-unsupported`.
 */
export const requireAddedOutputs = ({ name, descriptor }: Checkpoint, what: string): void => {
  if (descriptor.moeLayers.every(({ block }) => descriptor.blocks[block]?.branchNorms === null)) return;
  throw refuse(
    'method-unsupported',
    `${name}: ${what} assumes that the outputs of experts are added to the hidden states as they are, and the family ` +
      `${descriptor.family} normalises their sum first.`,
    'Use another method, or leave it out.',
  );
};
