//! The grammar of label selector text.

use super::{Operator, Requirement};

const SYMBOLS: [(&str, Token); 8] = [
    ("==", Token::Operator(Operator::Equals)),
    ("!=", Token::Operator(Operator::NotEquals)),
    ("=", Token::Operator(Operator::Equals)),
    (">", Token::Operator(Operator::GreaterThan)),
    ("<", Token::Operator(Operator::LessThan)),
    ("!", Token::Not),
    ("(", Token::Open),
    (")", Token::Close),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Identifier,
    Operator(Operator),
    Not,
    Open,
    Close,
    Comma,
    End,
}

/// The conditions in `text`.
pub(super) fn requirements(text: &str) -> Result<Vec<Requirement>, String> {
    let mut parser = Parser { tokens: tokens(text), at: 0 };
    let mut requirements = Vec::new();
    loop {
        match parser.peek() {
            (Token::End, _) => return Ok(requirements),
            (Token::Identifier | Token::Not, _) => {
                let requirement = parser.requirement().map_err(|why| format!("unable to parse requirement: {why}"))?;
                requirements.push(requirement);
            }
            (_, found) => return Err(format!("found '{found}', expected: !, identifier, or 'end of string'")),
        }
        match (parser.take(), parser.peek()) {
            ((Token::End, _), _) => return Ok(requirements),
            ((Token::Comma, _), (Token::Identifier | Token::Not, _)) => {}
            ((Token::Comma, _), (_, found)) => return Err(format!("found '{found}', expected: identifier after ','")),
            ((_, found), _) => return Err(format!("found '{found}', expected: ',' or 'end of string'")),
        }
    }
}

fn tokens(text: &str) -> Vec<(Token, &str)> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let symbol = SYMBOLS.iter().chain(&[(",", Token::Comma)]).find(|(symbol, _)| rest.starts_with(symbol));
        let (token, length) = match symbol {
            Some((symbol, token)) => (*token, symbol.len()),
            None => {
                let end = rest.find(|c: char| c.is_whitespace() || "=!(),><".contains(c));
                (Token::Identifier, end.unwrap_or(rest.len()))
            }
        };
        tokens.push((token, &rest[..length]));
        rest = rest[length..].trim_start();
    }
    tokens
}

struct Parser<'a> {
    tokens: Vec<(Token, &'a str)>,
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> (Token, &'a str) {
        self.tokens.get(self.at).copied().unwrap_or((Token::End, ""))
    }

    fn take(&mut self) -> (Token, &'a str) {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let mut token = self.take();
        let negated = token.0 == Token::Not;
        if negated {
            token = self.take();
        }
        let (Token::Identifier, key) = token else {
            return Err(format!("found '{}', expected: identifier", token.1));
        };
        if negated {
            return Requirement::new(key, Operator::DoesNotExist, Vec::new());
        }
        if matches!(self.peek().0, Token::End | Token::Comma) {
            return Requirement::new(key, Operator::Exists, Vec::new());
        }
        let operator = match self.take() {
            (Token::Operator(operator), _) => operator,
            (Token::Identifier, "in") => Operator::In,
            (Token::Identifier, "notin") => Operator::NotIn,
            (_, found) => return Err(format!("found '{found}', expected: in, notin, =, ==, !=, gt, lt")),
        };
        let values = match operator {
            Operator::In | Operator::NotIn => self.values()?,
            _ => vec![self.value()?],
        };
        Requirement::new(key, operator, values)
    }

    fn value(&mut self) -> Result<String, String> {
        match self.peek() {
            (Token::End | Token::Comma, _) => Ok(String::new()),
            (Token::Identifier, value) => {
                self.at += 1;
                Ok(value.to_owned())
            }
            (_, found) => Err(format!("found '{found}', expected: identifier")),
        }
    }

    /// `(a,b)`; a comma with nothing beside it stands for an empty value.
    fn values(&mut self) -> Result<Vec<String>, String> {
        match self.take() {
            (Token::Open, _) => {}
            (_, found) => return Err(format!("found '{found}' expected: '('")),
        }
        let mut values = Vec::new();
        if self.peek().0 == Token::Close {
            self.at += 1;
            return Ok(values);
        }
        loop {
            match self.peek() {
                (Token::Identifier, value) => {
                    self.at += 1;
                    values.push(value.to_owned());
                }
                (Token::Comma | Token::Close, _) => values.push(String::new()),
                (_, found) => return Err(format!("found '{found}', expected: ',', ')' or identifier")),
            }
            match self.take() {
                (Token::Comma, _) => {}
                (Token::Close, _) => return Ok(values),
                (_, found) => return Err(format!("found '{found}', expected: ',' or ')'")),
            }
        }
    }
}
