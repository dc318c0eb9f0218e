//! The site on this machine: right types, compressed copies, caching, and building again when a source changes.

use std::io::Write;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::middleware::{self, Next};
use axum::response::Response;
use tokio::net::TcpListener;
use tower_http::services::ServeDir;

use super::keep::Kept;
use super::{KEPT, digest, names, sources, thumbnails};
use ground::error::{Error, Result};

/// How often sources are looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Serves the site in the folder `dir` on 127.0.0.1 at `port` (0: a free one) until the process ends, and prints its URL.
/// With `watch`, the site is built again whenever a source has changed; with `pictures`, those of the front page are made meanwhile.
///
/// # Errors
/// `dir` holds no site; the port is taken.
pub fn serve(dir: &Path, port: u16, watch: bool, pictures: bool) -> Result<()> {
    if !dir.join("index.html").is_file() {
        return Err(Error::new(format!("{}: there is no site here; './dev build' makes one", dir.display())));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let runtime = runtime.map_err(|e| Error::new(format!("the server cannot start ({e})")))?;
    runtime.block_on(async {
        let listener = listen(port).await?;
        let address = listener.local_addr().map_err(|e| Error::new(format!("port {port}: {e}")))?;
        println!("http://{address}/");
        // Whoever started us through a pipe wants to know the port now.
        let _ = std::io::stdout().flush();
        if watch {
            std::thread::spawn(rebuild);
        }
        if pictures {
            let dir = dir.to_path_buf();
            std::thread::spawn(move || match thumbnails::fill(&dir, &Kept::new(Path::new(KEPT))) {
                Ok(()) => eprintln!("the front page has all its pictures"),
                Err(error) => eprintln!("pictures: {error}"),
            });
        }
        axum::serve(listener, site(dir)).await.map_err(|e| Error::new(format!("the server stopped ({e})")))
    })
}

async fn listen(port: u16) -> Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|e| {
        let why = match e.kind() {
            std::io::ErrorKind::AddrInUse => "is in use; name another with --port, or 0 for any free one".to_string(),
            std::io::ErrorKind::PermissionDenied => "needs more rights than you have; name one above 1023 with --port".into(),
            _ => format!("cannot be used ({e})"),
        };
        Error::new(format!("port {port}: {why}"))
    })
}

fn site(dir: &Path) -> Router {
    let files = ServeDir::new(dir).precompressed_br().precompressed_gzip();
    Router::new().fallback_service(files).layer(middleware::from_fn(headers))
}

/// Named by content: kept for ever; all others: asked for again each time. Pages of other origins may embed everything.
async fn headers(request: Request, next: Next) -> Response {
    let hashed = names::is_hashed(request.uri().path());
    let mut response = next.run(request).await;
    let keep = hashed && response.status().is_success();
    let headers = response.headers_mut();
    let caching = if keep { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Runs `./dev build --quick` whenever a source has changed, for ever.
fn rebuild() {
    let mut built = state();
    loop {
        std::thread::sleep(LOOK);
        let now = state();
        if now == built {
            continue;
        }
        built = now;
        match Command::new("./dev").args(["build", "--quick"]).status() {
            Ok(status) if status.success() => eprintln!("built again; reload the page"),
            Ok(_) => eprintln!("the build failed; the site is as it was"),
            Err(e) => eprintln!("./dev build: cannot be run ({e})"),
        }
    }
}

/// A number that changes when a source does: the names, lengths and times of all.
fn state() -> u64 {
    let mut all = Vec::new();
    let mut note = |path: &Path| {
        let Ok(about) = path.metadata() else { return };
        let time = about.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        all.extend(path.as_os_str().as_encoded_bytes());
        all.extend(time.as_nanos().to_le_bytes());
        all.extend(about.len().to_le_bytes());
    };
    for folder in ["src", "www", "shaders"].map(Path::new) {
        sources::list(folder).unwrap_or_default().iter().for_each(|name| note(&folder.join(name)));
    }
    ["index.html", "Cargo.toml"].map(Path::new).into_iter().for_each(note);
    digest(&[&all])
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpStream};

    use super::super::tests::folder;
    use super::*;

    /// A server of its own on a free port, for as long as the process lives.
    fn start(dir: &Path) -> SocketAddr {
        let (tell, told) = std::sync::mpsc::channel();
        let dir = dir.to_path_buf();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
            runtime.block_on(async {
                let listener = listen(0).await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                axum::serve(listener, site(&dir)).await.unwrap();
            });
        });
        told.recv().unwrap()
    }

    /// Head (in lower case) and body of the answer to `GET path`.
    fn get(address: SocketAddr, path: &str, accept: &str) -> (String, String) {
        let mut stream = TcpStream::connect(address).unwrap();
        let accept = if accept.is_empty() { String::new() } else { format!("Accept-Encoding: {accept}\r\n") };
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n{accept}Connection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_lowercase(), body.into())
    }

    #[test]
    fn serves_with_types_compression_and_caching() {
        let dir = folder("serve");
        for (name, text) in [
            ("index.html", "home"),
            ("a-0123456789ab.js", "plain"),
            ("a-0123456789ab.js.br", "br"),
            ("a-0123456789ab.js.gz", "gz"),
            ("b.wasm", "w"),
            ("c.json", "{}"),
            ("d.svg", "<svg/>"),
            ("e.npz", "PK"),
            ("f.mjs", ""),
            ("g.css", ""),
        ] {
            std::fs::write(dir.join(name), text).unwrap();
        }
        let address = start(&dir);
        let ask = |path: &str| get(address, path, "").0;
        let (head, body) = get(address, "/", "br");
        assert!(head.starts_with("http/1.1 200") && head.contains("content-type: text/html"), "{head}");
        assert_eq!(body, "home");
        assert!(head.contains("cache-control: no-cache") && head.contains("last-modified:"), "{head}");

        for (accept, expected) in [("br, gzip", "br"), ("gzip", "gz"), ("", "plain")] {
            let (head, body) = get(address, "/a-0123456789ab.js", accept);
            assert_eq!(body, expected);
            assert!(head.contains("javascript") && head.contains("max-age=31536000, immutable"), "{head}");
            assert!(head.contains("access-control-allow-origin: *") && head.contains("nosniff"), "{head}");
        }
        assert!(ask("/b.wasm").contains("content-type: application/wasm"));
        assert!(ask("/c.json").contains("content-type: application/json"));
        assert!(ask("/d.svg").contains("content-type: image/svg+xml"));
        assert!(ask("/f.mjs").contains("javascript"));
        assert!(ask("/g.css").contains("content-type: text/css"));
        assert!(ask("/e.npz").contains("content-type: application/octet-stream"));
        assert!(ask("/missing-0123456789ab.js").starts_with("http/1.1 404"));
        assert!(ask("/missing-0123456789ab.js").contains("no-cache"));
        assert!(!get(address, "/../../../../etc/passwd", "").0.starts_with("http/1.1 200"));
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn says_that_a_port_is_taken_and_that_there_is_no_site() {
        let dir = folder("taken");
        let error = serve(&dir, 0, false, false).unwrap_err().to_string();
        assert!(error.contains("there is no site here"), "{error}");
        std::fs::write(dir.join("index.html"), "").unwrap();
        let taken = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = serve(&dir, port, false, false).unwrap_err().to_string();
        assert_eq!(error, format!("port {port}: is in use; name another with --port, or 0 for any free one"));
        std::fs::remove_dir_all(dir).unwrap();
    }
}
