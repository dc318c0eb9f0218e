//! The gallery, and what every view must do whatever its numbers are.

use super::palette::Palette;
use super::samples::samples;
use super::*;
use ground::view::*;

const SIZES: [(f64, f64); 3] = [(420.0, 300.0), (320.0, 240.0), (720.0, 420.0)];

fn style(width: f64, height: f64) -> Style {
    Style { width, height, ..Style::default() }
}

fn sample(name: &str) -> View {
    samples().into_iter().find(|s| s.0 == name).expect("a sample of that name").1
}

/// Writes every sample to `target/gallery`: `cargo test -p orrery-plot gallery -- --ignored`.
#[test]
#[ignore = "writes pictures to look at"]
fn gallery() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/gallery");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, view) in samples() {
        for (theme, tone) in [(Theme::Light, "light"), (Theme::Dark, "dark")] {
            for (width, height) in SIZES {
                let style = Style { width, height, scale: 2.0, theme };
                let png = png(&view, &style, &Camera::default()).unwrap();
                std::fs::write(folder.join(format!("{name}-{tone}-{width}.png")), png).unwrap();
            }
        }
        std::fs::write(folder.join(format!("{name}.svg")), svg(&view, &style(420.0, 300.0), &Camera::default())).unwrap();
        println!("{}", describe(&view, name));
    }
    for (name, factor) in [("lines", 3.0), ("heat-map", 9.0), ("plan", 5.0), ("confusion", 2.0), ("field", 2.5), ("surface", 1.6)]
    {
        let (view, style) = (sample(name), Style { scale: 2.0, ..style(420.0, 300.0) });
        let camera = zoom(&view, &style, &Camera::default(), (200.0, 150.0), factor);
        std::fs::write(folder.join(format!("{name}-zoom.png")), png(&view, &style, &camera).unwrap()).unwrap();
    }
}

/// How long each sample takes as SVG: `cargo test -p orrery-plot speed -- --ignored --nocapture`.
#[test]
#[ignore = "prints times"]
fn speed() {
    let x: Vec<f64> = (0..1500).map(f64::from).collect();
    let y = x.iter().map(|x| libm::sin(x / 40.0) + 0.1 * libm::sin(x * 7.0)).collect();
    let long = View::Chart(Chart { marks: vec![Mark::line("1,500 points", Ink::Series(0), x, y)], ..Chart::default() });
    for (name, view) in samples().into_iter().chain([("long line", long)]) {
        let style = style(720.0, 420.0);
        let mut times: Vec<_> = (0..15)
            .map(|_| {
                let start = std::time::Instant::now();
                std::hint::black_box(svg(&view, &style, &Camera::default()));
                start.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!("{name:16} {:6.2} ms {:8} bytes", times[7], svg(&view, &style, &Camera::default()).len());
    }
}

/// Views without data, or with data that no picture can show.
fn degenerate() -> Vec<View> {
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    let lists: Vec<Vec<f64>> = vec![
        vec![],
        vec![nan, nan, nan],
        vec![inf, -inf, inf],
        vec![2.0, 2.0, 2.0],
        vec![7.0],
        vec![-1.0, 0.0, -3.0],
        vec![f64::MAX, f64::MIN, 1.0],
        vec![5e-324, 1e-320, 0.0],
        vec![1.0, 1.0 + 1e-15, 1.0],
        vec![1.0, nan, 3.0, inf, 0.5],
        vec![1e-300, 1e300, 1.0],
    ];
    let axes = |range: Option<(f64, f64)>| {
        [Scale::Linear, Scale::Log].map(|scale| Axis { label: "a".into(), unit: "m".into(), scale, range, center: None })
    };
    let ranges = [None, Some((1.0, 1.0)), Some((nan, 1.0)), Some((3.0, -2.0)), Some((-inf, inf)), Some((0.0, 1e-300))];
    let mut views = Vec::new();
    for x in &lists {
        for y in &lists {
            let ink = Ink::Series(200);
            let name = || "<&\"'\u{0}>".to_owned();
            let marks = vec![
                Mark::Line { name: name(), ink, x: x.clone(), y: y.clone(), dashed: true },
                Mark::Line { name: "solid".into(), ink: Ink::Ramp(f32::NAN), x: x.clone(), y: y.clone(), dashed: false },
                Mark::Trail { name: name(), x: x.clone(), y: y.clone(), shade: vec![f32::NAN] },
                Mark::Points { name: name(), ink, x: x.clone(), y: y.clone(), size: nan },
                Mark::Histogram { name: name(), ink, edges: x.clone(), y: y.clone() },
                Mark::Band { name: name(), ink, x: x.clone(), low: y.clone(), high: x.clone() },
                Mark::Rule { label: name(), vertical: true, at: y.first().copied().unwrap_or(nan) },
                Mark::Rule { label: name(), vertical: false, at: x.first().copied().unwrap_or(inf) },
                Mark::Span { label: name(), from: x.first().copied().unwrap_or(nan), to: inf },
                Mark::Label { text: name(), at: (nan, 1.0), ink },
                Mark::Arrow { ink, from: (0.0, nan), to: (inf, 1.0) },
                Mark::Arrow { ink, from: (1.0, 1.0), to: (1.0, 1.0) },
            ];
            for range in ranges {
                for axis in axes(range) {
                    views.push(View::Chart(Chart {
                        x: axis.clone(),
                        y: axis.clone(),
                        marks: marks.clone(),
                        equal: range.is_none(),
                        handle: Some(Handle { name: "h".into(), at: (nan, inf) }),
                    }));
                }
            }
        }
        let bars =
            Mark::Bars { name: String::new(), ink: Ink::Text, labels: vec!["a".into(), "a".into(), "b".into()], y: x.clone() };
        views.push(View::Chart(Chart { marks: vec![bars], ..Chart::default() }));

        let values: Vec<f32> = x.iter().map(|&v| v as f32).collect();
        for columns in [0, 1, 2, 3, usize::MAX] {
            for range in ranges {
                for axis in axes(range) {
                    for center in [None, Some(nan), Some(0.0)] {
                        let value = Axis { center, ..axis.clone() };
                        let map = HeatMap {
                            x: axis.clone(),
                            y: axis.clone(),
                            value: value.clone(),
                            columns,
                            values: values.repeat(3),
                            contours: 5,
                            paths: vec![Path { name: String::new(), ink: Ink::Text, x: x.clone(), y: vec![0.5, nan, 2.0] }],
                            handle: Some(Handle { name: String::new(), at: (0.5, 0.5) }),
                        };
                        views.push(View::HeatMap(map.clone()));
                        views.push(View::Surface(map));
                        views.push(View::Matrix(Matrix {
                            row: String::new(),
                            column: "column".into(),
                            value,
                            columns,
                            values: values.clone(),
                            names: vec!["only one".into()],
                            outlined: vec![0, 7, u32::MAX],
                        }));
                    }
                }
            }
        }
        let at: Vec<[f32; 3]> = values.iter().map(|&v| [v, -v, v]).collect();
        let flat = at.iter().map(|p| [p[0], p[1], 0.0]).collect();
        for at in [at, flat] {
            for reach in [0.0, f32::NAN, 1.0, f32::INFINITY] {
                let from = at.first().copied().unwrap_or([f32::NAN; 3]);
                let segment = Segment { from, to: [0.0; 3], ink: Ink::Muted, dashed: true, arrow: true };
                views.push(View::Space(Space {
                    axes: Default::default(),
                    clouds: vec![Cloud { name: String::new(), ink: Ink::Muted, at: at.clone(), size: f32::NAN }],
                    segments: vec![segment],
                    reach,
                }));
            }
        }
        let node = |v: f32| Node { at: (v, v), label: "n".into(), ink: Ink::Text, size: v };
        let edge = Edge { from: 0, to: 9, weight: f32::NAN, directed: true };
        let more = Edge { from: 0, to: 0, weight: f32::INFINITY, directed: true };
        views.push(View::Graph(Graph { nodes: values.iter().map(|&v| node(v)).collect(), edges: vec![edge, more] }));
        let pairs: Vec<(f64, f64)> = x.iter().map(|&v| (v, -v)).collect();
        views.push(View::Field(Field {
            x: Axis::linear("x"),
            y: Axis::log("y"),
            at: pairs.clone(),
            vectors: pairs.iter().rev().copied().take(2).collect(),
            paths: vec![Path { name: "p".into(), ink: Ink::Text, x: x.clone(), y: vec![nan] }],
        }));
        views.push(View::Table(Table {
            columns: vec!["a".into()],
            rows: x.iter().map(|&v| vec![Cell::Number(v), Cell::Text("b".repeat(400))]).chain([vec![]]).collect(),
        }));
    }
    for (width, height, channels, columns) in
        [(0, 0, 0, 0), (2, 2, 1, 0), (2, 2, 3, 9), (usize::MAX, 2, 3, 1), (1, 1, 7, usize::MAX)]
    {
        views.push(View::Images(Images { width, height, channels, columns, pixels: vec![9; 13], captions: vec!["c".into()] }));
    }
    views.extend([
        View::Chart(Chart::default()),
        View::HeatMap(HeatMap::default()),
        View::Surface(HeatMap::default()),
        View::Matrix(Matrix::default()),
        View::Space(Space::default()),
        View::Graph(Graph::default()),
        View::Images(Images::default()),
        View::Field(Field::default()),
        View::Table(Table::default()),
    ]);
    views
}

#[test]
fn nothing_panics_whatever_the_numbers_are() {
    let strange = Camera { window: Some([(f64::NAN, 1.0), (2.0, 2.0)]), yaw: f64::NAN, pitch: 9.0, distance: -1.0 };
    let cameras = [Camera::default(), Camera { window: Some([(0.4, 0.6), (0.4, 0.6)]), ..Camera::default() }, strange];
    let sizes = [style(420.0, 300.0), style(0.0, 0.0), style(f64::NAN, -4.0), style(60.0, 45.0)];
    for (index, view) in degenerate().iter().enumerate() {
        // Every view at every size from one camera, and from every camera at one size.
        for (style, camera) in sizes.iter().map(|s| (s, &cameras[0])).chain(cameras.iter().map(|c| (&sizes[0], c))) {
            let text = svg(view, style, camera);
            assert!(text.starts_with("<svg") && text.ends_with("</svg>\n"), "view {index}");
            assert!(!text.contains("NaN") && !text.contains("inf"), "view {index}: a number that SVG does not know");
            for px in [(200.0, 150.0), (-5.0, 1e9), (f64::NAN, 0.0), (30.0, 40.0)] {
                let _ = read_out(view, style, camera, px);
                let _ = to_data(view, style, camera, px);
                for factor in [2.0, 0.5, 0.0, f64::NAN, f64::INFINITY] {
                    let _ = zoom(view, style, camera, px, factor);
                }
                let _ = pan(view, style, camera, px, (10.0, f64::NAN));
                let _ = pan(view, style, camera, px, (1e9, -3.0));
            }
            let _ = handle_px(view, style, camera);
        }
        let _ = extent(view);
        let sentence = describe(view, "");
        assert!(sentence.ends_with('.'), "view {index}: {sentence}");
        if index % 16 == 0 {
            let _ = csv(view);
        }
    }
}

#[test]
fn every_sample_is_a_well_formed_picture_at_every_size() {
    for (name, view) in samples() {
        for (width, height) in SIZES {
            let text = svg(&view, &style(width, height), &Camera::default());
            let tree = resvg::usvg::Tree::from_str(&text, &resvg::usvg::Options::default()).unwrap();
            assert_eq!((tree.size().width(), tree.size().height()), (width as f32, height as f32), "{name}");
        }
        assert!(describe(&view, name).starts_with(name), "{name}");
        assert!(csv(&view).lines().count() > 4, "{name}");
    }
}

/// Boxes of all texts of an SVG, as laid out by the width estimate: text, x, y, width, height in CSS pixels.
fn texts(svg: &str) -> Vec<(String, pen::Rect)> {
    let attribute = |tag: &str, name: &str| -> f64 {
        let from = tag.split_once(&format!(" {name}=\"")).unwrap().1;
        from.split_once('"').unwrap().0.parse().unwrap()
    };
    let mut found = Vec::new();
    for piece in svg.split("<text ").skip(1) {
        let (tag, rest) = piece.split_once('>').unwrap();
        let tag = format!(" {tag}");
        if tag.contains("transform") {
            continue;
        }
        let words = rest.split_once("</text>").unwrap().0.trim().replace("&apos;", "'").replace("&amp;", "&");
        let size = attribute(&tag, "font-size") / 8.0;
        let (x, y, w) = (attribute(&tag, "x") / 8.0, attribute(&tag, "y") / 8.0, pen::text_width(&words, size));
        let x = if tag.contains("text-anchor=\"end\"") {
            x - w
        } else if tag.contains("text-anchor=\"middle\"") {
            x - w / 2.0
        } else {
            x
        };
        found.push((words, pen::Rect { x, y: y + 0.04 * size, w, h: 0.72 * size }));
    }
    found
}

#[test]
fn no_words_overlap_or_leave_the_picture() {
    for (name, view) in samples() {
        for (width, height) in SIZES {
            let texts = texts(&svg(&view, &style(width, height), &Camera::default()));
            for (i, (words, place)) in texts.iter().enumerate() {
                let inside = place.x >= -0.5 && place.y >= -0.5 && place.right() <= width + 0.5 && place.bottom() <= height + 0.5;
                assert!(inside, "{name} at {width}: '{words}' at {place:?} leaves the picture");
                for (other, its) in &texts[..i] {
                    assert!(!place.overlaps(its), "{name} at {width}: '{words}' overlaps '{other}'");
                }
            }
        }
    }
}

#[test]
fn all_words_are_at_least_eleven_pixels_tall() {
    for (name, view) in samples() {
        let text = svg(&view, &style(320.0, 240.0), &Camera::default());
        for piece in text.split("font-size=\"").skip(1) {
            let size: f64 = piece.split_once('"').unwrap().0.parse().unwrap();
            assert!(size / 8.0 >= 11.0 - 1e-9, "{name}: {size}");
        }
    }
}

#[test]
fn zoom_keeps_the_point_under_the_pointer() {
    for (name, view) in samples() {
        let style = style(420.0, 300.0);
        let px = (190.0, 150.0);
        let Some(before) = to_data(&view, &style, &Camera::default(), px) else { continue };
        let camera = zoom(&view, &style, &Camera::default(), px, 2.5);
        let after = to_data(&view, &style, &camera, px).unwrap();
        // Labels' widths change with the ticks, so that the frame moves by a few pixels.
        let [x, y] = extent(&view).unwrap();
        let near = |a: f64, b: f64, range: (f64, f64)| (a - b).abs() <= 0.03 * (range.1 - range.0).abs();
        let logarithmic = matches!(&view, View::Chart(c) if c.x.scale == Scale::Log);
        assert!(logarithmic || near(after.0, before.0, x) && near(after.1, before.1, y), "{name}: {before:?} {after:?}");
        assert!(camera.window.is_some(), "{name}");
        let out = zoom(&view, &style, &camera, px, 0.1);
        assert_eq!(out.window, None, "{name}: zooming out ends where all is seen");
    }
}

#[test]
fn pan_moves_what_is_under_the_pointer_with_it() {
    let (view, style) = (sample("heat-map"), style(420.0, 300.0));
    let near = zoom(&view, &style, &Camera::default(), (190.0, 150.0), 4.0);
    let held = to_data(&view, &style, &near, (200.0, 160.0)).unwrap();
    let moved = pan(&view, &style, &near, (200.0, 160.0), (180.0, 145.0));
    let now = to_data(&view, &style, &moved, (180.0, 145.0)).unwrap();
    assert!((held.0 - now.0).abs() < 0.02 && (held.1 - now.1).abs() < 0.02, "{held:?} {now:?}");
    // Dragging far stops at the edge of the data.
    let far = pan(&view, &style, &near, (0.0, 0.0), (1e6, 1e6)).window.unwrap();
    assert!((far[0].0 + 1.6).abs() < 1e-9 && (far[1].1 - 2.2).abs() < 1e-9, "{far:?}");
}

#[test]
fn surfaces_turn_and_come_nearer() {
    let (view, style) = (sample("surface"), style(420.0, 300.0));
    let camera = Camera::default();
    assert!(zoom(&view, &style, &camera, (0.0, 0.0), 2.0).distance < camera.distance);
    let turned = pan(&view, &style, &camera, (0.0, 0.0), (30.0, 20.0));
    assert!(turned.yaw < camera.yaw && turned.pitch > camera.pitch && turned.window.is_none());
}

#[test]
fn the_handle_is_where_its_data_are() {
    let (view, style) = (sample("heat-map"), style(420.0, 300.0));
    let px = handle_px(&view, &style, &Camera::default()).unwrap();
    let at = to_data(&view, &style, &Camera::default(), px).unwrap();
    assert!((at.0 + 1.2).abs() < 1e-9 && (at.1 - 1.9).abs() < 1e-9, "{at:?}");
    let elsewhere = Camera { window: Some([(0.5, 1.0), (0.0, 1.0)]), ..Camera::default() };
    assert_eq!(handle_px(&view, &style, &elsewhere), None);
}

#[test]
fn read_outs_name_the_datum_with_its_units() {
    let style = style(420.0, 300.0);
    let read = |view: &View, px| read_out(view, &style, &Camera::default(), px).map(|r| r.text);
    let chart = View::Chart(Chart {
        x: Axis::linear("epoch").range(0.0, 10.0),
        y: Axis::linear("loss").unit("nats").range(0.0, 2.0),
        marks: vec![Mark::line("Adam", Ink::Series(0), vec![0.0, 5.0, 10.0], vec![2.0, 0.5, 0.25])],
        ..Chart::default()
    });
    let frame = frame(&chart, &Page::new(&style, &Camera::default())).unwrap();
    assert_eq!(read(&chart, frame.px((5.1, 0.55))).as_deref(), Some("Adam: epoch 5, loss 0.5 nats"));
    assert_eq!(read(&chart, frame.px((2.0, 1.9))), None, "nothing is near");

    let matrix = View::Matrix(Matrix {
        row: "truth".into(),
        column: "guess".into(),
        value: Axis::linear("share").unit("%"),
        columns: 2,
        values: vec![90.0, 10.0, 20.0, 80.0],
        names: vec!["cat".into(), "dog".into()],
        outlined: vec![],
    });
    let f = super::frame(&matrix, &Page::new(&style, &Camera::default())).unwrap();
    assert_eq!(read(&matrix, f.px((0.5, 1.5))).as_deref(), Some("share 20%\ntruth dog, guess cat"));

    let View::HeatMap(map) = sample("diverging") else { panic!() };
    let view = View::HeatMap(map.clone());
    let f = super::frame(&view, &Page::new(&style, &Camera::default())).unwrap();
    let text = read(&view, f.px((-2.96, -2.95))).unwrap();
    assert_eq!(text, format!("decision value {}\nx₁ −2.962 σ, x₂ −2.95 σ", number(f64::from(map.values[0]))));

    let bars = sample("bars");
    let f = super::frame(&bars, &Page::new(&style, &Camera::default())).unwrap();
    assert_eq!(read(&bars, f.px((3.0, 2.0))).as_deref(), Some("diffGrad: test error 5.85%"));
}

#[test]
fn every_view_reads_out_something() {
    let style = style(420.0, 300.0);
    for (name, view) in samples() {
        let found = (0..42 * 30)
            .filter_map(|i| {
                let px = (f64::from(i % 42) * 10.0, f64::from(i / 42) * 10.0);
                read_out(&view, &style, &Camera::default(), px)
            })
            .inspect(|r| assert!(r.at.0.is_finite() && r.at.1.is_finite() && !r.text.is_empty(), "{name}: {r:?}"))
            .count();
        assert!(found > 10, "{name}: {found}");
    }
}

#[test]
fn csv_holds_the_data_exactly_and_quotes_what_needs_it() {
    let chart = View::Chart(Chart {
        x: Axis::linear("time").unit("s"),
        y: Axis::linear("loss, \"raw\""),
        marks: vec![Mark::line("a\nb", Ink::Text, vec![0.1, 1e-30], vec![1.0 / 3.0, f64::NAN])],
        ..Chart::default()
    });
    let text = csv(&chart);
    assert_eq!(
        text,
        "mark,name,time (s),\"loss, \"\"raw\"\"\"\r\nline,\"a\nb\",0.1,0.3333333333333333\r\n\
         line,\"a\nb\",0.000000000000000000000000000001,NaN\r\n"
    );
    let View::Matrix(plan) = sample("plan") else { panic!() };
    let text = csv(&View::Matrix(plan.clone()));
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let read: Vec<f32> = reader.records().map(|r| r.unwrap()[2].parse().unwrap()).collect();
    assert_eq!(read, plan.values);
}

#[test]
fn descriptions_say_what_the_data_say() {
    let chart = View::Chart(Chart {
        x: Axis::linear("epoch"),
        y: Axis::linear("loss").unit("nats"),
        marks: vec![Mark::line("Adam", Ink::Series(0), vec![0.0, 1.0, 2.0, 3.0], vec![2.0, 5.0, 0.5, 1.0])],
        ..Chart::default()
    });
    assert_eq!(
        describe(&chart, "Loss curves"),
        "Loss curves: line chart of loss (nats) over epoch: Adam from 2 nats at 0 to 1 nats at 3, lowest 0.5 nats at 2, \
         highest 5 nats at 1."
    );
    let map = HeatMap {
        x: Axis::linear("a").range(0.0, 2.0),
        y: Axis::linear("b").range(0.0, 2.0),
        value: Axis::linear("cost"),
        columns: 2,
        values: vec![4.0, 1.0, 2.0, 9.0],
        ..HeatMap::default()
    };
    let said = describe(&View::HeatMap(map), "");
    assert_eq!(said, "Heat map of cost over a and b: from 1 at (1.5, 0.5) to 9 at (1.5, 1.5).");
}

#[test]
fn a_png_shows_the_bitmaps_of_its_svg() {
    // A map of two values: the left half at the low end of the colour map, the right half at the high end.
    let map = HeatMap {
        x: Axis::linear("").range(0.0, 2.0),
        y: Axis::linear("").range(0.0, 1.0),
        columns: 2,
        values: vec![0.0, 1.0],
        ..HeatMap::default()
    };
    let (view, camera) = (View::HeatMap(map), Camera::default());
    let style = Style { scale: 2.0, ..style(200.0, 150.0) };
    let page = resvg::tiny_skia::Pixmap::decode_png(&png(&view, &style, &camera).unwrap()).unwrap();
    assert_eq!((page.width(), page.height()), (400, 300));
    let frame = frame(&view, &Page::new(&style, &camera)).unwrap();
    let palette = Palette::of(Theme::Light);
    let scale = palette::ColourScale::new(0.0, 1.0, Scale::Linear, None);
    for (x, value) in [(0.5, 0.0), (1.5, 1.0)] {
        let px = frame.px((x, 0.4));
        let pixel = page.pixel((2.0 * px.0) as u32, (2.0 * px.1) as u32).unwrap();
        assert_eq!([pixel.red(), pixel.green(), pixel.blue(), 255], palette.shade(&scale, value).bytes());
    }
    assert!(svg(&view, &style, &camera).contains("data:image/png;base64,iVBOR"));
}

#[test]
fn the_same_view_gives_the_same_bytes() {
    for ((name, a), (_, b)) in samples().into_iter().zip(samples()) {
        let style = Style::default();
        assert_eq!(svg(&a, &style, &Camera::default()), svg(&b, &style, &Camera::default()), "{name}");
    }
}
