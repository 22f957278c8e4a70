//! Just enough HTTP/1.1 for the demo: one thread per connection, one request each, and a GET client.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

const MAX_HEAD: u64 = 16 * 1024;
const TIMEOUT: Duration = Duration::from_secs(5);

/// A request, reduced to what the demo looks at.
pub struct Request {
    pub method: String,
    pub path: String,
    pub query: String,
}

impl Request {
    /// The value of `name` in the query, not percent-decoded.
    pub fn parameter(&self, name: &str) -> &str {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).next().unwrap_or_default()
    }

    fn read(stream: &TcpStream) -> io::Result<Self> {
        let mut head = BufReader::new(stream.take(MAX_HEAD)).lines();
        let line = head.next().ok_or(io::ErrorKind::UnexpectedEof)??;
        let mut words = line.split(' ');
        let method = words.next().unwrap_or_default().to_owned();
        let target = words.next().ok_or(io::ErrorKind::InvalidData)?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let request = Self { method, path: path.to_owned(), query: query.to_owned() };
        for header in head {
            if header?.is_empty() {
                break;
            }
        }
        Ok(request)
    }
}

/// An answer: status, content type, body.
pub struct Response(pub u16, pub &'static str, pub Vec<u8>);

impl Response {
    pub fn text(status: u16, body: impl Into<String>) -> Self {
        Self(status, "text/plain; charset=utf-8", body.into().into_bytes())
    }

    pub fn html(body: String) -> Self {
        Self(200, "text/html; charset=utf-8", body.into_bytes())
    }

    fn write(&self, mut stream: &TcpStream) -> io::Result<()> {
        let Self(status, kind, body) = self;
        let reason = match status {
            200 => "OK",
            401 => "Unauthorized",
            404 => "Not Found",
            _ => "Service Unavailable",
        };
        let length = body.len();
        write!(stream, "HTTP/1.1 {status} {reason}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n")?;
        stream.write_all(b"Connection: close\r\n\r\n")?;
        stream.write_all(body)
    }
}

/// Answers requests on `port` for ever; every request is logged as one line.
pub fn serve(port: u16, handle: impl Fn(&Request) -> Response + Send + Sync + 'static) -> io::Result<()> {
    let handle: &'static _ = Box::leak(Box::new(handle));
    let listener = TcpListener::bind(("0.0.0.0", port))?;
    println!("listening on port {port}");
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(move || {
            if let Err(error) = answer(&stream, handle) {
                eprintln!("connection failed: {error}");
            }
        });
    }
    Ok(())
}

fn answer(stream: &TcpStream, handle: &impl Fn(&Request) -> Response) -> io::Result<()> {
    stream.set_read_timeout(Some(TIMEOUT))?;
    let request = Request::read(stream)?;
    let response = handle(&request);
    println!("{} {} {}", request.method, request.path, response.0);
    response.write(stream)
}

/// Fetches `http://HOST:PORT/TARGET`: the status and the body.
pub fn get(host: &str, target: &str) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    write!(stream, "GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::InvalidData)?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    Ok((status, body.to_owned()))
}
