import { fitSentence } from '../words/fit.ts';
import { withEngine } from './open-engine.ts';
import { findRun } from './subjects.ts';
import { terminalText } from './terminal-text.ts';
import type { OptionReader, VerbHost, VerbResult } from './verb.ts';

/** Proves by the stored answers that a search was tested after its choice. */
export const proveFitted = async (reader: OptionReader, host: VerbHost): Promise<VerbResult> => {
  const { workspace, run } = findRun(reader.positionals[0] ?? '', reader, host);
  return withEngine(
    reader,
    host,
    async (engine): Promise<VerbResult> => {
      const proof = await engine.call('fit.verify', { run });
      const document = await engine.call('fit.read', { run });
      const text = [
        terminalText(fitSentence(document)),
        proof.ok
          ? `The choice came before the test: ${String(proof.answers)} stored test answers have its hash in their ` +
            'keys, and the results follow from them.'
          : 'That the choice came before the test is NOT proven:',
        ...proof.problems.map((problem) => `- ${terminalText(problem)}`),
      ].join('\n');
      return { document: proof, text, failed: !proof.ok };
    },
    { workspace },
  );
};
