import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { refuse } from '../contract/errors.ts';
import { produceFileAtomically } from '../files/write-atomically.ts';
import { fitSentence } from '../words/fit.ts';
import { outFolder } from './files.ts';
import { followRun, withRunNamed } from './open-engine.ts';
import { terminalText } from './terminal-text.ts';
import type { OptionReader, VerbHost, VerbResult } from './verb.ts';

/** Proves by the stored answers that a search was tested after its choice. */
export const proveFitted = (reader: OptionReader, host: VerbHost): Promise<VerbResult> =>
  withRunNamed(reader, host, async (engine, run) => {
    const proof = await engine.call('fit.verify', { run });
    const document = await engine.call('fit.read', { run });
    const text = [
      terminalText(fitSentence(document)),
      proof.ok
        ? `The choice came before the test: ${proof.answers} stored test answers have its hash in their ` +
          'keys, and the results follow from them.'
        : 'That the choice came before the test is NOT proven:',
      ...proof.problems.map((problem) => `- ${terminalText(problem)}`),
    ].join('\n');
    return { document: proof, text, failed: !proof.ok };
  });

/** Options that a search has decided. */
const DECIDED = ['plan', 'format', 'gguf-type', 'hf-type', 'mtp', 'imatrix', 'engine', 'referee'] as const;

/**
 * Exports what a search recommends, in the form that it was for; of a search for a plan, writes the plan to `--out`.
 */
export const exportFitted = async (reader: OptionReader, host: VerbHost): Promise<VerbResult> => {
  const decided = DECIDED.find((name) => reader.options[name] !== undefined);
  if (decided !== undefined)
    throw refuse('bad-usage', `--${decided} is decided by the search.`, `Leave --${decided} out.`);
  const destination = outFolder(reader);
  return withRunNamed(reader, host, async (engine, run): Promise<VerbResult> => {
    const document = await engine.call('fit.read', { run });
    const sentence = terminalText(fitSentence(document));
    host.say(sentence);
    if (document.settings.format === 'plan') {
      const text = `${JSON.stringify(document.plan, null, 1)}\n`;
      await produceFileAtomically(destination, (file) => writeFile(file, text));
      return { document: { fit: run, plan: destination }, text: `The plan is in ${destination}.` };
    }
    const into = engine.grantPath(path.dirname(destination));
    const exported = await engine.call('fit.export', { run, into, name: path.basename(destination) });
    const summary = await followRun(engine, exported.run, host);
    return { document: { run: exported.run, fit: run, folder: destination, summary }, text: summary };
  });
};
