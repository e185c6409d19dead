import type { Verb } from './verb.ts';

/** Every verb by name, loaded when it is used: `info` need not wait for the runtime. */
export const verbs: Readonly<Record<string, () => Promise<Verb>>> = {
  info: async () => (await import('./verbs/info.ts')).info,
  forward: async () => (await import('./verbs/forward.ts')).forward,
  baseline: async () => (await import('./verbs/baseline.ts')).baseline,
  score: async () => (await import('./verbs/score.ts')).score,
  generate: async () => (await import('./verbs/generate.ts')).generate,
  profile: async () => (await import('./verbs/profile.ts')).profile,
  plan: async () => (await import('./verbs/plan.ts')).plan,
  recover: async () => (await import('./verbs/recover.ts')).recover,
  sweep: async () => (await import('./verbs/sweep.ts')).sweep,
  export: async () => (await import('./verbs/export.ts')).exportVerb,
  finetune: async () => (await import('./verbs/finetune.ts')).finetune,
  experiment: async () => (await import('./verbs/experiment.ts')).experiment,
  verify: async () => (await import('./verbs/verify.ts')).verify,
  compare: async () => (await import('./verbs/compare.ts')).compare,
  outcomes: async () => (await import('./verbs/outcomes.ts')).outcomes,
  figures: async () => (await import('./verbs/figures.ts')).figures,
  report: async () => (await import('./verbs/report.ts')).report,
  runs: async () => (await import('./verbs/runs.ts')).runs,
  resume: async () => (await import('./verbs/resume.ts')).resume,
  reproduce: async () => (await import('./verbs/reproduce.ts')).reproduce,
  serve: async () => (await import('./verbs/serve.ts')).serve,
  doctor: async () => (await import('./verbs/doctor.ts')).doctor,
  methods: async () => (await import('./verbs/methods.ts')).methods,
};
