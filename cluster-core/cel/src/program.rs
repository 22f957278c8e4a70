//! Compiled expressions and their evaluation.

use crate::prelude::*;
use kube_cel::cel::parser::{ParseErrors, Parser};

use crate::check::{self, Checked};
use crate::library::LIBRARY;
use crate::limits::Budget;
use crate::lists::{TYPES, Types};
use crate::macros;
use crate::position::located;
use crate::rewrite::{self, BUDGET};
use crate::{Declarations, to_json, value};
use serde_json::Value as Json;

/// The longest expression, in characters; cel-go's limit.
const MAX_LENGTH: usize = 100_000;
/// The most operators, dots and brackets.
const MAX_OPERATORS: usize = 2_000;
/// The deepest one: both this interpreter and its parser recurse on the stack.
const MAX_DEPTH: usize = 100;
/// How deep an expression may be to be evaluated on the stack of its caller.
const SHALLOW: usize = 20;
/// What is deeper, and the parser in any case, wants much more of a stack than threads of the server have.
const LARGE_STACK: usize = 256 * 1024 * 1024;

/// A compiled expression.
#[derive(Debug)]
pub struct Program {
    expression: Expression,
    source: String,
    result: Type,
    cost: u64,
    weight: u64,
    names: Vec<String>,
    types: Arc<Types>,
    deep: bool,
}

impl Program {
    /// The text it was made of.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What it evaluates to, as far as that can be told.
    pub fn result(&self) -> &Type {
        &self.result
    }

    /// The most that one evaluation is estimated to cost.
    pub fn estimated_cost(&self) -> u64 {
        self.cost
    }

    /// What it sees of a variable without a type: of an object that it only asks for fields no more than those.
    pub fn view(&self, variable: &str, json: &Json) -> Value {
        let asked = self.names.iter().filter_map(|name| name.strip_prefix(variable)?.strip_prefix('.'));
        let asked: Vec<&str> = asked.collect();
        let only_fields = self.names.iter().filter(|name| *name == variable).count() == asked.len();
        match json {
            Json::Object(fields) if only_fields => {
                let fields = fields.iter().filter(|(name, _)| asked.contains(&name.as_str()));
                value::object(fields.map(|(name, value)| (name.clone(), value::dynamic(value))))
            }
            _ => value::dynamic(json),
        }
    }

    /// Whether it names the variable, or for `variables.x` that composed one.
    pub fn uses(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }
}

/// Compiles and checks an expression over these variables; the error reads as upstream's.
pub fn compile(source: &str, variables: &Declarations) -> Result<Program, String> {
    on_large_stack(|| {
        let program = checked(source, variables).map_err(|why| format!("compilation failed: {why}"))?;
        match failing_constant(&program.expression) {
            Some(why) => Err(format!("program instantiation failed: {why}")),
            None => Ok(program),
        }
    })
    .unwrap_or_else(|why| Err(format!("compilation failed: ERROR: <input>:1:1: {why}")))
}

/// Does work that recurses deeply in a thread of its own.
fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(LARGE_STACK).spawn_scoped(scope, work);
        let thread = thread.map_err(|error| format!("failed to start a thread: {error}"))?;
        thread.join().map_err(|_| "the expression cannot be parsed".to_owned())
    })
}

fn checked(source: &str, variables: &Declarations) -> Result<Program, String> {
    let length = source.chars().count();
    if length > MAX_LENGTH {
        return Err(format!("expression code point size exceeds limit: size: {length}, limit {MAX_LENGTH}"));
    }
    let mut expression = parse(&scan(source)?)?;
    let Checked { result, cost, errors, typed, types } = check::check(&expression, source, variables);
    if !errors.is_empty() {
        return Err(errors.join("\n"));
    }
    let mut names = Vec::new();
    collect_names(&expression, &mut names);
    let (weight, deep) = (rewrite::weight(&expression), rewrite::depth(&expression) > SHALLOW);
    rewrite::rewrite(&mut expression, &typed);
    let (source, types) = (source.to_owned(), Arc::new(types));
    Ok(Program { expression, source, result, cost, weight, names, types, deep })
}

/// Why a constant part can never be evaluated, as cel-go finds when it folds constants: a conversion, or a pattern.
fn failing_constant(expression: &Expression) -> Option<String> {
    let inner = rewrite::children(expression).into_iter().find_map(failing_constant);
    inner.or_else(|| match &expression.expr {
        Expr::Call(_) if is_constant(expression) => {
            LIBRARY.new_inner_scope().resolve(expression).err().map(|error| words(&error))
        }
        Expr::Call(call) if matches!(call.func_name.as_str(), "find" | "findAll") && call.target.is_some() => {
            let Expr::Literal(LiteralValue::String(pattern)) = &call.args.first()?.expr else { return None };
            crate::regex(pattern.inner()).err().map(|error| format!("error parsing regexp: {error}"))
        }
        _ => None,
    })
}

/// A literal, or a conversion of one.
fn is_constant(expression: &Expression) -> bool {
    match &expression.expr {
        Expr::Literal(_) => true,
        Expr::Call(call) => {
            let mut conversions = CONVERSIONS.iter().map(|(function, _)| *function).chain(["bytes", "dyn", "string"]);
            let [argument] = call.args.as_slice() else { return false };
            call.target.is_none() && conversions.any(|known| known == call.func_name) && is_constant(argument)
        }
        _ => false,
    }
}

/// Parses, and refuses what is too deep to be walked elsewhere.
fn parse(source: &str) -> Result<Expression, String> {
    let parsed = Parser::new().enable_optional_syntax(true).parse(source);
    let mut expression = parsed.map_err(|faults| syntax_errors(source, &faults))?;
    macros::unfold(&mut expression).map_err(|why| located(source, 1, 1, &why))?;
    if rewrite::depth(&expression) > MAX_DEPTH {
        return Err(format!("ERROR: <input>:1:1: expression recursion limit exceeded: {MAX_DEPTH}"));
    }
    rewrite::number(&mut expression, &mut 0);
    Ok(expression)
}

fn syntax_errors(source: &str, faults: &ParseErrors) -> String {
    let one = |fault: &kube_cel::cel::ParseError| {
        located(source, fault.pos.0.max(1) as usize, fault.pos.1.max(1) as usize, &fault.msg)
    };
    faults.errors.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// Keeps from the parser what it must not see: it reads `!!x` as `!x`, where two of them are as good as none, and `--x`
/// as `-x`. Each operator may cost it stack.
fn scan(source: &str) -> Result<String, String> {
    let (mut quote, mut escaped, mut operators) = (None, false, 0);
    let mut seen: Vec<char> = Vec::with_capacity(source.len());
    // Where a `!` or `-` waits for another one; and whether something stands before it, so that a `-` takes away.
    let (mut waiting, mut after_operand) = (None, false);
    for (here, c) in source.chars().enumerate() {
        seen.push(c);
        match quote {
            Some(open) if c == open && !escaped => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None => operators += usize::from(c.is_ascii_punctuation() && c != ',' && c != '_'),
        }
        if quote.is_none() && (c == '!' || c == '-' && !after_operand) {
            waiting = match waiting {
                Some((same, first)) if same == c => {
                    (seen[first], seen[here]) = (' ', ' ');
                    None
                }
                _ => Some((c, here)),
            };
        } else if quote.is_some() || !c.is_whitespace() {
            waiting = None;
            after_operand = c.is_alphanumeric() || "_)]}\"'".contains(c);
        }
        escaped = c == '\\' && !escaped;
    }
    if operators > MAX_OPERATORS {
        return Err(format!("ERROR: <input>:1:1: expression has more than {MAX_OPERATORS} operators"));
    }
    Ok(seen.into_iter().collect())
}

fn collect_names(expression: &Expression, names: &mut Vec<String>) {
    match &expression.expr {
        Expr::Ident(name) => names.push(name.clone()),
        Expr::Select(select) => {
            if let Expr::Ident(owner) = &select.operand.expr {
                names.push(format!("{owner}.{}", select.field));
            }
        }
        Expr::Call(call) if call.func_name == operators::OPT_SELECT => {
            if let [Expr::Ident(owner), Expr::Literal(LiteralValue::String(field))] =
                call.args.iter().map(|argument| &argument.expr).collect::<Vec<_>>()[..]
            {
                names.push(format!("{owner}.{}", field.inner()));
            }
        }
        _ => {}
    }
    for inner in rewrite::children(expression) {
        collect_names(inner, names);
    }
}

/// Why an evaluation came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The expression failed, in these words.
    Error(String),
    /// It took more than one evaluation may.
    CallCost,
    /// The budget of all evaluations is used up.
    Budget,
}

/// Variables with their values, under one budget.
pub struct Activation {
    context: Context<'static>,
    budget: Arc<Budget>,
}

impl Activation {
    /// No variables yet.
    pub fn new(budget: &Arc<Budget>) -> Self {
        let mut activation = Self { context: LIBRARY.new_inner_scope(), budget: Arc::clone(budget) };
        activation.bind(BUDGET, Value::Opaque(Arc::clone(budget) as Arc<_>));
        activation
    }

    /// Sets a variable.
    pub fn bind(&mut self, name: &str, value: Value) {
        self.context.add_variable_from_value(name, value);
    }

    /// The value of an expression.
    pub fn evaluate(&self, program: &Program) -> Result<Value, Failure> {
        self.budget.start_call();
        self.budget.spend(program.weight);
        if self.budget.is_spent() {
            return Err(Failure::Budget);
        }
        let resolve = || {
            if program.types.0.is_empty() {
                return self.context.resolve(&program.expression);
            }
            let mut scope = self.context.new_inner_scope();
            scope.add_variable_from_value(TYPES, Value::Opaque(Arc::clone(&program.types) as Arc<_>));
            scope.resolve(&program.expression)
        };
        let result = if program.deep { on_large_stack(resolve).map_err(Failure::Error)? } else { resolve() };
        // A loop that was cut short must not pass for one that ended, whatever its surroundings made of the error.
        if self.budget.is_spent() {
            return Err(Failure::Budget);
        }
        if self.budget.call_is_spent() {
            return Err(Failure::CallCost);
        }
        result.map_err(|error| Failure::Error(words(&error)))
    }
}

/// Functions that read text, and the types they make of it.
const CONVERSIONS: &[(&str, &str)] = &[
    ("bool", "bool"),
    ("double", "double"),
    ("duration", "google.protobuf.Duration"),
    ("int", "int"),
    ("timestamp", "google.protobuf.Timestamp"),
    ("uint", "uint"),
];

fn words(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(key) => format!("no such key: {key}"),
        ExecutionError::NoSuchOverload => "no such overload".to_owned(),
        ExecutionError::UndeclaredReference(name) => format!("undeclared reference to '{name}'"),
        ExecutionError::DivisionByZero(_) => "division by zero".to_owned(),
        ExecutionError::IndexOutOfBounds(index) => match to_json(index) {
            Some(index) => format!("index out of bounds: {index}"),
            None => "index out of bounds".to_owned(),
        },
        ExecutionError::RemainderByZero(_) => "modulus by zero".to_owned(),
        ExecutionError::Overflow(_, Value::UInt(_), _) => "unsigned integer overflow".to_owned(),
        ExecutionError::Overflow(..) => "integer overflow".to_owned(),
        ExecutionError::FunctionError { function, message } => {
            match CONVERSIONS.iter().find(|(name, _)| name == function) {
                Some((_, kind)) if !message.ends_with("overflow") => {
                    format!("type conversion error from 'string' to '{kind}'")
                }
                _ => message.clone(),
            }
        }
        other => other.to_string(),
    }
}
