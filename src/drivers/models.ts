/**
 * The names of models. An ORM knows for which of its models a statement is built, the driver under
 * it does not: the name travels with the context from the ORM's own step to the query.
 */
import { getRecorder } from '../recorder/index.ts';
import { patchOnce, replaceMethod, unpatch } from './patch.ts';

type Method = (...args: readonly unknown[]) => unknown;

/** How one ORM tells the model of the object that runs a statement. */
export interface ModelSource {
  /** Those of its methods that run it. */
  readonly methods: readonly string[];
  /** May throw, and find nothing. */
  readonly modelOf: (self: unknown) => unknown;
}

/** `Query.prototype` of the dialect: one statement. */
export const SEQUELIZE: ModelSource = {
  methods: ['run'],
  modelOf: (self) => (self as { readonly model?: { readonly name: unknown } }).model?.name,
};

/** The prototypes of TypeORM's query builders, of which each runs one kind of statement. */
export const TYPEORM: ModelSource = {
  methods: ['loadRawResults', 'execute'],
  modelOf(self) {
    const { expressionMap } = self as {
      readonly expressionMap: {
        readonly mainAlias?: {
          readonly hasMetadata: boolean;
          readonly metadata: { readonly name: unknown };
        };
      };
    };
    const alias = expressionMap.mainAlias;
    return alias?.hasMetadata === true ? alias.metadata.name : undefined;
  },
};

/** `QueryBuilder.prototype` of Objection; the builders of its relations have models of their own. */
export const OBJECTION: ModelSource = {
  methods: ['execute'],
  modelOf: (self) =>
    (self as { readonly modelClass: () => { readonly name: unknown } }).modelClass().name,
};

/** `QueryBuilder.prototype` of MikroORM. */
export const MIKRO_ORM: ModelSource = {
  methods: ['execute'],
  modelOf: (self) =>
    (self as { readonly mainAlias: { readonly meta?: { readonly className?: unknown } } }).mainAlias
      .meta?.className,
};

/** Hooks the prototype of what runs statements; a second call does nothing. */
export function instrumentModels(target: object, { methods, modelOf }: ModelSource): void {
  const recorder = getRecorder();
  const own = target as Record<string, Method>;
  patchOnce(target, () =>
    methods
      .filter((name) => Object.hasOwn(own, name))
      .map((name) =>
        replaceMethod(own, name, (original) => {
          return function run(this: unknown, ...args: readonly unknown[]): unknown {
            let model: unknown;
            try {
              model = recorder.currentScope() && modelOf(this);
            } catch {
              // One without a model, such as a query on a table by its name.
            }
            return typeof model === 'string' && model !== ''
              ? recorder.runForModel(model, () => original.apply(this, args as unknown[]))
              : original.apply(this, args as unknown[]);
          };
        }),
      ),
  );
}

/** Puts the ORM's own functions back. */
export function uninstrumentModels(target: object): void {
  unpatch(target);
}
