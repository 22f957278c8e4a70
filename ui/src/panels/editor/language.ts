/** Completion, explanations and faults as extensions of the editor; what they say comes from `assist.ts`. */
import { autocompletion, type CompletionContext, type CompletionResult } from '@codemirror/autocomplete';
import { yaml } from '@codemirror/lang-yaml';
import { indentService } from '@codemirror/language';
import { type Diagnostic, linter, lintGutter } from '@codemirror/lint';
import type { Extension } from '@codemirror/state';
import { hoverTooltip } from '@codemirror/view';
import type { I18n } from '../../i18n';
import { check, type Explanation, explain, type Fault, suggest } from './assist';
import { indentAfter } from './indent';
import type { Schemas } from './schemas';

export function yamlLanguage(schemas: Schemas, i18n: I18n): Extension {
  return [
    yaml(),
    indentService.of((context, pos) => indentAfter(context.lineAt(pos, -1).text)),
    autocompletion({ override: [(context) => complete(schemas, context)], icons: false, activateOnTyping: true }),
    hoverTooltip(async (view, offset) => {
      const found = await explain(schemas, view.state.doc.toString(), offset).catch(() => null);
      if (found === null) return null;
      return { pos: found.from, end: found.to, above: true, create: () => ({ dom: explanation(found, i18n) }) };
    }),
    linter(
      async (view) => {
        const text = view.state.doc.toString();
        const faults = await check(schemas, text).catch(() => []);
        return faults.map((fault) => diagnostic(fault, text.length, i18n));
      },
      { delay: 300 },
    ),
    lintGutter(),
  ];
}

async function complete(schemas: Schemas, context: CompletionContext): Promise<CompletionResult | null> {
  const found = await suggest(schemas, context.state.doc.toString(), context.pos).catch(() => null);
  if (found === null || (!context.explicit && found.from === context.pos)) return null;
  return {
    from: found.from,
    validFor: /^[\w./-]*$/,
    options: found.options.map(({ label, detail, description, insert, required }) => ({
      label,
      detail,
      apply: insert,
      boost: required ? 10 : 0,
      ...(description === '' ? {} : { info: description }),
    })),
  };
}

function explanation(found: Explanation, { t }: I18n): HTMLElement {
  const box = document.createElement('div');
  box.className = 'cm-explain';
  const head = document.createElement('strong');
  head.textContent = found.path;
  const rest = [
    ` ${found.type}${found.required ? ` · ${t('panel.editor.required')}` : ''}`,
    found.description === '' ? '' : `\n${found.description}`,
    found.values.length > 0 ? `\n${t('panel.editor.allowed', { values: found.values.join(', ') })}` : '',
    found.fallback === '' ? '' : `\n${t('panel.editor.default', { value: found.fallback })}`,
  ];
  box.append(head, rest.join(''));
  return box;
}

function diagnostic(fault: Fault, length: number, { t }: I18n): Diagnostic {
  const from = Math.min(fault.from, length);
  const range = { from, to: Math.min(Math.max(fault.to, from), length) };
  return { ...range, severity: fault.code === 'unknownKind' ? 'warning' : 'error', message: faultText(fault, t) };
}

function faultText(fault: Fault, t: I18n['t']): string {
  switch (fault.code) {
    case 'syntax':
      return fault.message;
    case 'unknownKind':
      return t('panel.editor.unknownKind', { kind: fault.kind });
    case 'unknownField':
      return fault.meant === ''
        ? t('panel.editor.unknownField', { field: fault.field })
        : t('panel.editor.unknownFieldMeant', { field: fault.field, meant: fault.meant });
    case 'wrongType':
      return t('panel.editor.wrongType', { expected: fault.expected });
    case 'notAllowed':
      return t('panel.editor.allowed', { values: fault.allowed });
    case 'missing':
      return t('panel.editor.missing', { field: fault.field });
  }
}
