import type { DecayForm, ScoreRule } from '../descriptor.ts';

/**
 * A model family as data: config keys with their defaults, tensor names, and its kinds of routing, attention, norm and
 * rotary embedding. `{l}` stands for the block, `{l/2}` and `{l%2}` for the pair of blocks and the block within it. A
 * new family of known kinds needs such a record and a fixture, no code.
 */
export interface Family {
  /** Value of config.json's `model_type`. */
  readonly modelType: string;
  /** The type of the record that reads configs of this type where a key has this value, as later versions have. */
  readonly unless?: { readonly key: string; readonly value: unknown; readonly modelType: string };
  /** Where a model of text and images has its text model; null: there is nothing else. */
  readonly wrapper: WrapperRecord | null;
  /** The class of transformers that loads a type without a wrapper; AutoModelForCausalLM if absent. */
  readonly loader?: WrapperRecord['loader'];
  readonly keys: {
    /** Keys for E in order of preference. */
    readonly experts: readonly string[];
    readonly topK: string;
    readonly expertWidth: string;
  };
  /**
   * Parts of names that are others on disk, in order, where a name matches `when`: forms of which the first one is
   * used. `isPublished`: the form of published files.
   */
  readonly renamed?: readonly {
    readonly when: RegExp;
    readonly isPublished?: true;
    readonly names: readonly (readonly [string, string])[];
  }[];
  /**
   * Every layer is one half of a block: attention, or the operator in place of it, as `state` says, or experts, or a
   * dense network, by its word in a list, or by its letter in a string.
   */
  readonly halves?: Readonly<Record<'listKey' | 'lettersKey', string>> &
    Readonly<Record<'experts' | 'dense', readonly string[]>>;
  /** Key of the number of layers that are two blocks each; absent: each is one. */
  readonly pairsKey?: string;
  /** Key of the number of experts that give back their input; they follow the others in the router. */
  readonly identitiesKey?: string;
  /** Other names of keys, by the name used here. */
  readonly aliases: Readonly<Record<string, string>>;
  readonly inner?: readonly InnerRecord[];
  /** The object of the config with the number of experts, which an export changes there; absent: the config itself. */
  readonly expertsWithin?: string;
  /** Default values of omitted keys, from the family's own config class. */
  readonly defaults: Readonly<Record<string, unknown>>;
  /** Values that some keys must have (or may lack) for this record to be right; others are refused by name. */
  readonly required: readonly (
    | { readonly key: string; readonly values: readonly unknown[] }
    | { readonly key: string; readonly equals: string }
    | { readonly key: string; readonly sum: readonly string[] }
  )[];
  /**
   * Lists with a number or a flag for each layer, or objects with a layer's number of heads, that must say the same as
   * the keys that are read.
   */
  readonly layerLists: readonly { readonly key: string; readonly says: 'sliding' | 'moe' | 'heads' }[];
  readonly routing: RoutingRecord;
  readonly activation: ActivationRecord;
  /** `rms-plus-one`: RMS norms whose stored weights lack one; `layer-unbiased`: layer norms without bias. */
  readonly norm: 'rms' | 'layer' | 'layer-unbiased' | 'rms-plus-one';
  readonly names: {
    readonly embedding: string;
    readonly finalNorm: string;
    readonly head: string;
    /** Norms before attention and before the feed-forward part; null: none. */
    readonly attentionNorm: string | null;
    readonly feedForwardNorm: string | null;
    /** Norms of the branches before they are added; null: none. */
    readonly branchNorms: { readonly attention: string; readonly feedForward: string } | null;
    /** Names where a dense network runs beside the experts of every layer. */
    readonly beside?: Readonly<Record<'dense' | 'expertsIn' | 'expertsOut' | 'router', string>>;
    readonly outputScale?: string;
    /** Factors of angles, whose values are in the config, too (GGUF files). */
    readonly rotaryFactors?: string;
    /** Beginnings of names of hyper-connections, with the keys `hc_mult` and so on. */
    readonly hyper?: Readonly<Record<'attention' | 'feedForward' | 'head', string>>;
    /** Where tokens have numbers of their own for each layer: of all layers, and what a layer makes of its own. */
    readonly tokenInputs?: Readonly<Record<'table' | 'projection' | 'norm' | 'gate' | 'back' | 'backNorm', string>> & {
      /** Key of how many each layer has; 0: none. */
      readonly sizeKey: string;
    };
  };
  /** Key that says whether the head has a bias. */
  readonly headBiasKey: string | null;
  readonly attention: AttentionRecord;
  /** Layers with an operator with a state in place of attention. */
  readonly state?: StateRecord;
  readonly window: WindowRecord;
  readonly rotary: RotaryRecord;
  /** Keys of multipliers (granite); null: none. */
  readonly multipliers: {
    readonly embedding: string;
    readonly residual: string;
    readonly attention: string;
    readonly logits: string;
  } | null;
  /** Whether embeddings are multiplied by the square root of their width. */
  readonly embeddingRoot: Flag;
  /** The feed-forward part sees what attention sees, and both are added to the block's input. */
  readonly isParallel?: true;
  /**
   * Keys of factors: branches are added to their normed inputs times these, of layers with attention and those with an
   * operator in place of it, and of the feed-forward part.
   */
  readonly keepsNormed?: Readonly<Record<'attentionKey' | 'stateKey' | 'feedForwardKey', string>>;
  /** Key of the factor of logits. */
  readonly logitsScaleKey?: string;
  /** Key of the cap of logits, which may be absent. */
  readonly logitsCapKey?: string;
  readonly dense: DenseRecord | null;
  readonly shared: SharedRecord | null;
  /** Where the config has this size, experts work on a projection of the tokens to it, and their sum is put back. */
  readonly latent?: Readonly<Record<'sizeKey' | 'into' | 'back', string>> & { readonly biased: Flag };
  /** Known layouts on disk; the one with existing tensors is used. */
  readonly layouts: readonly ExpertLayout[];
  /** Key for the number of extra prediction layers after the last one, which are not used here. */
  readonly extraLayersKey: string | null;
  /** Lists of the config with an entry for each layer, and in some files for each extra prediction layer after them. */
  readonly paddedLists: readonly string[];
  /** Names of other tensors for predicting further tokens, by their beginning; not used here either. */
  readonly unused: readonly string[];
}

/** An object of the config whose keys are read as if they were the config's own, which come first. */
export interface InnerRecord {
  readonly key: string;
  /** Its keys, or those of an object in it ("name.key"), by the names used here. */
  readonly keys: Readonly<Record<string, string>>;
  /** Its lists of layers, numbered from 1, by the word of `layer_types` that they stand for. */
  readonly layers?: Readonly<Record<string, string>>;
  /** Keys that the family's class overwrites. */
  readonly overwritten?: readonly string[];
}

/** A config with the text model's own config inside, and tensors beside those of the text model. */
export interface WrapperRecord {
  readonly configKey: string;
  /** Values of the inner config's `model_type`. */
  readonly modelTypes: readonly string[];
  /** How names begin on disk in place of those in this record; the first form of which a tensor exists is used. */
  readonly forms: readonly Readonly<Record<'model.' | 'lm_head.', string>>[];
  /** The class of transformers that loads it for text. */
  readonly loader: 'AutoModelForCausalLM' | 'AutoModelForImageTextToText';
  /** Beginnings of names that inference does not use and an export keeps. */
  readonly carried: readonly string[];
}

/** A fixed flag, or the key that contains it. */
export type Flag = boolean | string;

/** SiLU, or SiLU of a clamped gate times a clamped up plus one, with the keys of its limit and its slope. */
export type ActivationRecord =
  | { readonly kind: 'silu' | 'gelu' | 'relu2' }
  | { readonly kind: 'clamped'; readonly limitKey: string; readonly alphaKey: string }
  /** SiLU of a gate at most a limit, times up within it. */
  | { readonly kind: 'bounded'; readonly limitKey: string }
  /** SiLU(gate) and up are cut at a limit of the layer (0: no limit); dense networks have limits of their own. */
  | { readonly kind: 'limited'; readonly limitsKey: string; readonly denseLimitsKey: string };

/** A family's `RoutingRule` with its keys and tensors; a null key means a scale of 1. */
export type RoutingRecord = ScoreRecord | { readonly kind: 'sparsemixer'; readonly jitterKey: string };

export interface ScoreRecord extends Pick<ScoreRule, 'kind' | 'score' | 'after' | 'gate'> {
  /** Its names on disk, of which one exists; [E], or [1, E]. */
  readonly correction: readonly string[] | null;
  readonly correctionIsRow?: true;
  /**
   * The first layers, or those of `mlp_layer_types`, have a table of the experts of each token and no correction.
   * `dtype`: I64 if absent.
   */
  readonly table?: { readonly name: string; readonly countKey: string; readonly dtype?: 'I32' };
  /** Key of the flag for the correction; always if absent. */
  readonly correctionWhen?: string;
  readonly groups: GroupRecord | null;
  readonly renormalise: {
    readonly when: Flag;
    /** Key with which the config may say null: not divided. */
    readonly unlessNullKey?: string;
    /** A number, or its key. */
    readonly epsilon: number | string;
    readonly as: 'addend' | 'floor';
  } | null;
  readonly scaleKey: string | null;
  /** [E] factors of the experts' weights. */
  readonly expertScale?: string;
}

export interface GroupRecord {
  readonly countKey: string;
  readonly keptKey: string;
  readonly least: 1 | 2;
  /** Groups only apply if this key has this value. */
  readonly when: { readonly key: string; readonly value: string } | null;
}

export type AttentionRecord =
  | CompressedRecord
  | {
      readonly kind: 'grouped';
      readonly query: string;
      readonly key: string;
      readonly value: string;
      readonly output: string;
      /** Name of one matrix with the rows of queries, keys and values, in place of the three. */
      readonly joined?: string;
      readonly queryKeyValueBias: Flag;
      readonly outputBias: Flag;
      readonly norms: {
        readonly over: 'head' | 'whole';
        readonly query: string;
        readonly key: string;
        readonly when: Flag;
        readonly afterRotation?: true;
      } | null;
      readonly clipKey: string | null;
      /** Its names on disk, of which one exists; in all layers, or in those with a window. */
      readonly sinks: { readonly names: readonly string[]; readonly on: 'all' | 'sliding' } | null;
      /** Width of a value head, where it is not that of a key head. */
      readonly valueDimensionKey?: string;
      readonly valueScaleKey?: string;
      /** Heads of keys and values in layers with a window: the key, or twice as many as elsewhere. */
      readonly slidingKeyValueHeadsKey?: string;
      /** In place of head dimension ^ -0.5. */
      readonly scale?: number;
      /** Layers without a window have heads of their own, and values that are their keys where the flag says so. */
      readonly global?: {
        readonly dimensionKey: string;
        readonly keyValueHeadsKey: string;
        readonly keysAreValues: string;
        /** Both by layer, where the config has that. */
        readonly byLayerKey: string;
      };
      /** Key of how many of the last layers take keys and values from the last layer of their kind before them. */
      readonly sharedLayersKey?: string;
      /** Heads of the values are normed without weight. */
      readonly valueNorm?: true;
      /** In layers that rotate, heads of queries and keys are normed without weight afterwards. */
      readonly plainNorm?: { readonly when: Flag };
      /** In layers that do not rotate, queries grow with their position. */
      readonly temperature?: { readonly when: Flag; readonly scaleKey: string; readonly everyKey: string };
      /** Query heads in layers with a window: a key, or one in another object. */
      readonly slidingHeads?: { readonly key: string; readonly within: string; readonly inner: string };
      /** Projection whose sigmoid multiplies the output, value by value or head by head; or in that of the query. */
      readonly gate?: { readonly name: string; readonly per: 'value' | 'head' } | 'in-query';
    }
  | {
      readonly kind: 'latent';
      /** `{...}q_proj` if q_lora_rank is null, else down, norm and up. */
      readonly query: { readonly whole: string; readonly down: string; readonly norm: string; readonly up: string };
      readonly keyValueDown: string;
      readonly keyValueNorm: string;
      /** In one matrix, or apart for keys and values (GGUF files). */
      readonly keyValueUp: string | Readonly<Record<'keys' | 'values', string>>;
      readonly output: string;
      /** Projection whose sigmoid multiplies each head's output. */
      readonly gate?: string;
      /** Biases on `down` of the query, `keyValueDown` and `output`. */
      readonly biased: Flag;
      readonly innerEpsilon: number;
      readonly indexer?: IndexerRecord;
      /** Queries and latents are multiplied by the root of the model's width over their ranks. */
      readonly rankRoots?: true;
      /** Queries grow with their position, by these keys of the parameters of the rotary embedding. */
      readonly temperature?: Readonly<Record<'scaleKey' | 'everyKey', string>>;
    };

/** Compressed attention of DeepSeek-V4: names begin with `at`; the kind of each layer, and the size of its windows. */
export interface CompressedRecord {
  readonly kind: 'compressed';
  readonly at: string;
  readonly ratiosKey: string;
  readonly ratesKey: string;
}

/** The sparse indexer of DeepSeek-V3.2, under `self_attn.indexer`. */
export interface IndexerRecord {
  /** Pairs (2i, 2i + 1) of its rotated dimensions instead of halves. */
  readonly interleaved: boolean;
  /** Some layers take the keys that the last indexer before them has chosen: by list, by pattern, or every n-th. */
  readonly shared?: Readonly<Record<'typesKey' | 'patternKey' | 'offsetKey' | 'everyKey', string>>;
}

export interface StateRecord {
  /** Layers with the operator have one of these words in `layer_types`; without that list, all but every n-th one. */
  readonly words: readonly string[];
  readonly attentionWords: readonly string[];
  readonly everyKey: string | null;
  /** Key of the first of those; absent: the n-th. */
  readonly firstKey?: string;
  readonly operator: OperatorRecord;
}

export type OperatorRecord =
  | {
      readonly kind: 'convolution';
      readonly input: string;
      readonly convolution: string;
      readonly output: string;
      readonly kernelKey: string;
      readonly biased: Flag;
    }
  | {
      /** With the keys `linear_num_key_heads` and so on, and names after the prefix. */
      readonly kind: 'delta';
      readonly prefix: string;
      readonly rows: 'by-head' | 'by-kind' | 'rates-by-head';
      readonly sharing?: 'in-turn' | 'apart';
      readonly decayForm?: DecayForm;
    }
  | {
      readonly kind: 'channel-delta';
      readonly prefix: string;
      readonly decayForm?: DecayForm;
      /** Decays and gates are made of vectors as wide as a head. */
      readonly isLowRank?: boolean;
      readonly keys: Readonly<Record<'heads' | 'dimension' | 'kernel' | 'bounded' | 'bound', string>>;
    }
  | {
      readonly kind: 'mamba';
      readonly prefix: string;
      readonly decayForm?: DecayForm;
      readonly keys: Readonly<
        Record<'heads' | 'headDimension' | 'stateDimension' | 'groups' | 'kernel' | 'convolutionBias' | 'bias', string>
      >;
      /** Key of the factor of the width, where the width of a head may be "auto". */
      readonly expandKey: string | null;
      /** Key of both limits of the steps, or of the lower one. */
      readonly limits: { readonly bothKey: string } | { readonly lowerKey: string };
    }
  | {
      readonly kind: 'lightning';
      readonly prefix: string;
    }
  | {
      readonly kind: 'mamba-1';
      readonly prefix: string;
      readonly decayForm?: DecayForm;
      /** `rank`: "auto" means a sixteenth of the hidden size. */
      readonly keys: Readonly<
        Record<'stateDimension' | 'rank' | 'expand' | 'kernel' | 'convolutionBias' | 'bias', string>
      >;
    };

export type WindowRecord =
  | { readonly kind: 'never' }
  /** Layers that rotate see only their own chunk of positions. */
  | { readonly kind: 'chunks'; readonly key: string }
  /** Every layer, if the key is set and positive. */
  | { readonly kind: 'always'; readonly key: string }
  /** Only if `switchKey` is true: every layer; or as in `layer_types`, without it the even layers below `belowKey`. */
  | { readonly kind: 'switched'; readonly key: string; readonly switchKey: string; readonly belowKey: string | null }
  /**
   * As in `layer_types`; without it as `otherwise` says. `inclusiveKey`: a window of one more, in place of the other.
   */
  | {
      readonly kind: 'types';
      readonly key: string;
      readonly inclusiveKey?: string;
      readonly otherwise: WindowPattern;
    };

export type WindowPattern =
  /** Not proven: the list is required. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'even' }
  /** From this layer on. */
  | { readonly kind: 'from'; readonly key: string }
  /** All but every n-th one (and the first one). */
  | { readonly kind: 'all-but'; readonly every: string | number; readonly first?: true };

export interface RotaryRecord {
  readonly interleaved: Flag;
  /** Part of each head that is rotated: key, or 1. */
  readonly partialKey: string | null;
  /** Key of the number of rotated dimensions, which some files state in place of their share. */
  readonly dimensionsKey?: string;
  /** Scalings that are proven for this family. */
  readonly scalings: readonly (
    'default' | 'linear' | 'dynamic' | 'dynamic by alpha' | 'llama3' | 'yarn' | 'longrope' | 'proportional' | 'divided'
  )[];
  /**
   * Layers that rotate: all, those with a window (or a dense network), or those of a list (1); all but every n-th one
   * where the list is missing or empty.
   */
  readonly on?:
    | 'sliding'
    | 'sliding or dense'
    | 'never'
    | { readonly listKey: string; readonly everyKey: string }
    /** All, if the key has this value, else none. */
    | { readonly key: string; readonly value: string };
  /** Layers with a window have parameters of their own, in an object by kind of layer or with this key for theta. */
  readonly slidingThetaKey?: string;
  /** Key of the rotated part of each layer, as a list. */
  readonly partialsKey?: string;
  /** Parameters that are not by kind of layer hold for these kinds alone: those of a list, or others without it. */
  readonly scaled?: { readonly listKey: string; readonly otherwise: readonly string[] };
  /** Whether theta of `rope_parameters` must be the one that the config says besides. */
  readonly agrees?: true;
}

/** Dense layers among the MoE layers. */
export interface DenseRecord {
  readonly rule:
    /** As in `mlp_layer_types` where the family has it and the config names it; else the first ones. */
    | { readonly kind: 'first'; readonly key: string; readonly types?: true }
    /** No layer: the network runs beside the experts. */
    | { readonly kind: 'beside' }
    /** Layers that are a half of a block, by their words. */
    | { readonly kind: 'half' }
    /** Both blocks of a pair; the first has experts too, whose sum is added after the second. */
    | { readonly kind: 'pairs' }
    | { readonly kind: 'sparse-step'; readonly stepKey: string; readonly listKey: string }
    /** All but every n-th layer, of which a key says the first. */
    | { readonly kind: 'all-but'; readonly everyKey: string; readonly firstKey: string }
    /** As in `mlp_layer_types`; without it, all but those of an enumeration such as "1,2,3". */
    | { readonly kind: 'enumerated'; readonly key: string }
    /** All but those of a list; without it, all but every n-th one. */
    | { readonly kind: 'unlisted'; readonly listKey: string; readonly everyKey: string }
    /** All but every n-th layer from one to another (-1: the last). */
    | { readonly kind: 'interval'; readonly everyKey: string; readonly fromKey: string; readonly toKey: string };
  readonly widthKey: string;
  /** Whether layers that take keys and values from others have twice the width. */
  readonly doubled?: Flag;
  readonly biased: Flag;
  /** Null: there is none. */
  readonly gate: string | null;
  readonly up: string;
  readonly down: string;
}

export interface SharedRecord {
  /** Width, or width per shared expert and the key that counts them; without width there is none. */
  readonly widthKey: string;
  readonly countKey: string | null;
  /** Two matrices, or one with the rows of gate before those of up. */
  readonly gateUp: { readonly gate: string | null; readonly up: string } | string;
  readonly down: string;
  readonly biased: Flag;
  /** [1, H] weight whose sigmoid scales the output; null: unscaled. */
  readonly scale: string | null;
  /** Other names of the matrices. */
  readonly orNamed?: Readonly<Record<'gate' | 'up' | 'down', string>>;
}

export type ExpertLayout =
  | {
      readonly kind: 'per-expert';
      readonly router: string;
      readonly prefix: string;
      /** Null: there is none. */
      readonly gate: string | null;
      readonly up: string;
      readonly down: string;
    }
  | {
      /** gate and up stacked as rows: gateUp [E, 2I, H], down [E, H, I]; or as columns: [E, H, 2I], down [E, I, H]. */
      readonly kind: 'stacked-rows' | 'stacked-columns';
      readonly router: string;
      readonly gateUp: string;
      readonly down: string;
    }
  | {
      /** gate (null: there is none) and up apart: [E, I, H] each, down [E, H, I]. */
      readonly kind: 'stacked-apart';
      readonly router: string;
      readonly gate: string | null;
      readonly up: string;
      readonly down: string;
      /** Whether router and matrices have biases beside them (gpt-oss in GGUF files). */
      readonly biased?: true;
    }
  | {
      /** Rows of the experts one after the other: gate, up and the transpose of down, [E I, H] each. */
      readonly kind: 'joined-rows';
      readonly router: string;
      readonly gate: string;
      readonly up: string;
      readonly down: string;
    }
  | {
      /**
       * gate and up interleaved, with biases: as columns gateUp [E, H, 2I], down [E, I, H] (gpt-oss in bfloat16), or as
       * rows in MXFP4: blocks [E, 2I, H/32, 16] and scales [E, 2I, H/32].
       */
      readonly kind: 'interleaved-columns' | 'interleaved-mxfp4';
      readonly router: string;
      readonly routerBias: string;
      readonly gateUp: string;
      readonly gateUpBias: string;
      readonly down: string;
      readonly downBias: string;
    };
