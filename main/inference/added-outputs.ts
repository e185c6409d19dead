import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { gatesInput, tableOf } from '../checkpoint/routing.ts';
import { refuse } from '../contract/errors.ts';

/** `why`: what the work needs or assumes, and what the family has. */
const unsupported = ({ name }: Checkpoint, what: string, why: string): Error =>
  refuse('method-unsupported', `${name}: ${what} ${why}.`, 'Use another method, or leave it out.');

/**
 * Refuses models whose experts' inputs are multiplied by their weights, for what runs experts without the router.
 *
 * @throws WorkbenchError `method-unsupported`.
 */
export const requireOutputGates = (checkpoint: Checkpoint, what: string): void => {
  const { family, moeLayers } = checkpoint.descriptor;
  if (moeLayers.some(({ moe }) => gatesInput(moe.routing)))
    throw unsupported(
      checkpoint,
      what,
      `runs experts without the router, and in the family ${family} the weights of the router multiply the inputs of ` +
        'experts',
    );
};

/**
 * Refuses models whose experts' outputs are not added to the hidden states as they are, for what assumes that.
 *
 * @throws WorkbenchError `method-unsupported`.
 */
export const requireAddedOutputs = (checkpoint: Checkpoint, what: string): void => {
  const { family, moeLayers, blocks: all } = checkpoint.descriptor;
  const blocks = moeLayers.flatMap(({ block }) => all[block] ?? []);
  const asTheyAre = 'assumes that the outputs of experts are added to the hidden states as they are, and the family';
  if (blocks.some(({ late }) => late === 'gives'))
    throw unsupported(
      checkpoint,
      what,
      `assumes that the outputs of experts are added where they are computed, and the family ${family} adds them one ` +
        'attention later',
    );
  if (blocks.some(({ hyper }) => hyper !== null))
    throw unsupported(
      checkpoint,
      what,
      `assumes one hidden state that the outputs of experts are added to, and the family ${family} has several`,
    );
  if (blocks.some(({ keepsNormed }) => keepsNormed !== null))
    throw unsupported(checkpoint, what, `${asTheyAre} ${family} adds them to the normed ones`);
  if (blocks.some(({ branchNorms }) => branchNorms !== null))
    throw unsupported(checkpoint, what, `${asTheyAre} ${family} normalises their sum first`);
};

/**
 * Refuses models with experts that return their input unchanged, or that are chosen by a table of tokens: a search
 * over subsets of experts needs their matrices and scores.
 *
 * @throws WorkbenchError `method-unsupported`.
 */
export const requireExperts = (checkpoint: Checkpoint, what: string): void => {
  const { family, moeLayers } = checkpoint.descriptor;
  if (moeLayers.some(({ moe }) => moe.identities !== 0 || tableOf(moe.routing) !== null))
    throw unsupported(
      checkpoint,
      what,
      `needs experts that have weights and are chosen by scores; some of the family ${family} return their input ` +
        'unchanged, or are chosen by a table of tokens',
    );
};
