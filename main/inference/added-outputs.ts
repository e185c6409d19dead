import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { gatesInput, tableOf } from '../checkpoint/routing.ts';
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
  const blocks = descriptor.moeLayers.map(({ block }) => descriptor.blocks[block]);
  if (blocks.some((block) => block?.late === 'gives'))
    throw refuse(
      'method-unsupported',
      `${name}: ${what} assumes that the outputs of experts are added where they are computed, and the family ` +
        `${descriptor.family} adds them one attention later.`,
      'Use another method, or leave it out.',
    );
  if (blocks.some((block) => block != null && block.hyper !== null))
    throw refuse(
      'method-unsupported',
      `${name}: ${what} assumes one hidden state that the outputs of experts are added to, and the family ` +
        `${descriptor.family} has several.`,
      'Use another method, or leave it out.',
    );
  if (blocks.some((block) => block != null && block.keepsNormed !== null))
    throw refuse(
      'method-unsupported',
      `${name}: ${what} assumes that the outputs of experts are added to the hidden states as they are, and the ` +
        `family ${descriptor.family} adds them to the normed ones.`,
      'Use another method, or leave it out.',
    );
  if (blocks.every((block) => block?.branchNorms === null)) return;
  throw refuse(
    'method-unsupported',
    `${name}: ${what} assumes that the outputs of experts are added to the hidden states as they are, and the family ` +
      `${descriptor.family} normalises their sum first.`,
    'Use another method, or leave it out.',
  );
};

/**
 * Refuses models with experts that return their input unchanged, or that are chosen by a table of tokens: a search
 * over subsets of experts needs their matrices and scores.
 *
 * @throws WorkbenchError `method-unsupported`.
 */
export const requireExperts = ({ name, descriptor }: Checkpoint, what: string): void => {
  if (descriptor.moeLayers.every(({ moe }) => moe.identities === 0 && tableOf(moe.routing) === null)) return;
  throw refuse(
    'method-unsupported',
    `${name}: ${what} needs experts that have weights and are chosen by scores; some of the family ` +
      `${descriptor.family} return their input unchanged, or are chosen by a table of tokens.`,
    'Use another method, or leave it out.',
  );
};
