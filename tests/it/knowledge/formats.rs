//! Every format that is read, and everything hostile that is refused by name.

use std::io::{Cursor, Write};

use figment::value::Value;

use crate::support::app::Plan;
use crate::support::shop::{MARKDOWN, house};
use crate::support::{Shop, TestApp};

const PDF: &str = "application/pdf";
const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
/// Printed by a browser, with Chinese and English in it.
const PRINTED: &[u8] = include_bytes!("../fixtures/shipping.pdf");
const LOCKED: &[u8] = include_bytes!("../fixtures/locked.pdf");
const SCANNED: &[u8] = include_bytes!("../fixtures/scan.pdf");

/// Query, content type, file, and the status and code it is refused with.
type Case = (&'static str, &'static str, Vec<u8>, (u16, &'static str));

fn packed(member: &str, content: &[u8]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    writer.start_file(member, options).expect("begun");
    writer.write_all(content).expect("written");
    writer.finish().expect("packed").into_inner()
}

fn docx() -> Vec<u8> {
    let document = "<w:document><w:body>\
        <w:p><w:pPr><w:pStyle w:val=\"Heading1\"/></w:pPr><w:r><w:t>会员制度</w:t></w:r></w:p>\
        <w:p><w:r><w:t>金卡会员每年可以免费维修乐器两次。</w:t></w:r></w:p>\
        </w:body></w:document>";
    packed("word/document.xml", document.as_bytes())
}

#[actix_web::test]
async fn a_document_of_each_format_answers_a_visitor_with_its_source() {
    let app = house().await;
    let shop = Shop::open(&app, "shop").await;
    shop.abstains("钢琴多久调音一次？").await;

    let text = "钢琴应当每半年调音一次，搬家之后也要调音。";
    let added = shop.add("slug=piano&title=保养手册", "text/plain", text).await;
    assert_eq!((&added["version"], &added["language"]), (&1.into(), &"zh".into()));
    let (gb, _, _) = encoding_rs::GB18030.encode("小提琴的琴弦大约每年更换一次。");
    shop.add("slug=violin&title=琴弦", "text/plain", gb.into_owned()).await;
    let markdown = "# Gift cards\n\n## Validity\n\nA gift card is valid for three years.\n";
    shop.add("slug=gifts&url=https://shop.example/gifts", MARKDOWN, markdown).await;
    let html = "<title>Opening hours</title><script>var x = 'midnight'</script>\
        <h2>Saturday</h2><p>On Saturday the workshop closes at noon.</p>";
    shop.add("slug=hours", "text/html; charset=utf-8", html).await;
    shop.add("slug=shipping&title=Shipping", PDF, PRINTED).await;
    shop.add("slug=members", DOCX, docx()).await;

    shop.answers("钢琴多久调音一次？", "每半年调音", "保养手册").await;
    shop.answers("小提琴琴弦多久更换？", "每年更换一次", "琴弦").await;
    shop.answers("How long is a gift card valid?", "three years", "Gift cards — Validity").await;
    shop.answers("How long is a gift card valid?", "three years", "gifts#validity").await;
    shop.answers("When does the workshop close on Saturday?", "closes at noon", "Opening hours")
        .await;
    shop.answers("When do parcels to Iceland leave?", "every Thursday", "Shipping").await;
    shop.answers("偏远地区几个工作日送达？", "九个工作日", "Shipping").await;
    shop.answers("金卡会员可以免费维修几次？", "免费维修乐器两次", "会员制度").await;
    shop.abstains("Who won the chess tournament?").await;
    assert_eq!(shop.slugs().await, ["gifts", "hours", "members", "piano", "shipping", "violin"]);
    app.drain().await;
}

/// What no library survives in every case is read in a process that may die of it; the server answers on.
#[actix_web::test]
async fn hostile_files_are_refused_by_name_and_the_server_goes_on() {
    let app = house().await;
    let shop = Shop::open(&app, "shop").await;
    let noise: Vec<u8> =
        (0..200_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
    let deep = [b"%PDF-1.4\n1 0 obj\n".to_vec(), b"[".repeat(2_000_000)].concat();
    let cases: [Case; 14] = [
        ("slug=a", PDF, LOCKED.to_vec(), (422, "document_encrypted")),
        ("slug=a", PDF, SCANNED.to_vec(), (422, "no_text")),
        ("slug=a", PDF, b"no pdf".to_vec(), (422, "document_unreadable")),
        ("slug=a", PDF, [b"%PDF-1.7\n", &noise[..]].concat(), (422, "document_unreadable")),
        ("slug=a", PDF, deep, (422, "document_unreadable")),
        ("slug=a", PDF, bomb(), (422, "document_unreadable")),
        (
            "slug=a",
            DOCX,
            packed("word/document.xml", &vec![b' '; 60 << 20]),
            (413, "document_too_large"),
        ),
        ("slug=a", DOCX, packed("other.xml", b"x"), (422, "document_unreadable")),
        ("slug=a", DOCX, noise.clone(), (422, "document_unreadable")),
        ("slug=a", "text/plain", noise.clone(), (400, "invalid_utf8")),
        ("slug=a", "text/plain", b" \n ".to_vec(), (422, "no_text")),
        ("slug=a", "text/plain", vec![b'a'; 3 << 20], (413, "document_too_large")),
        ("slug=a", "application/x-www-form-urlencoded", b"x".to_vec(), (415, "unsupported_format")),
        ("slug=Not%20A%20Slug", "text/plain", b"words".to_vec(), (400, "bad_request")),
    ];
    for (number, (query, kind, body, (status, code))) in cases.into_iter().enumerate() {
        let told = shop.refuses(query, kind, body).await;
        assert_eq!(told, (status, code.to_owned()), "case {number}");
    }
    for query in
        ["slug=a&url=javascript:alert(1)", "slug=a&language=fr", "title=x", "slug=a&title="]
    {
        assert_eq!(shop.refuses(query, "text/plain", "words").await.0, 400, "{query}");
    }
    assert!(shop.slugs().await.is_empty());
    for table in ["document", "document_version", "document_chunk"] {
        assert_eq!(app.count(table).await, 0, "{table}");
    }
    shop.add("slug=a", "text/plain", "The shop sells oboes and reeds.").await;
    shop.answers("Do you sell oboes?", "oboes", "a").await;
    app.drain().await;
}

/// A page whose content unpacks to two gigabytes.
fn bomb() -> Vec<u8> {
    let stream = {
        let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(9));
        let piece = b"(a) Tj ".repeat(1 << 18);
        for _ in 0..1100 {
            packer.write_all(&piece).expect("packed");
        }
        packer.finish().expect("packed")
    };
    let objects: [Vec<u8>; 4] = [
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R/Resources<<>>>>".to_vec(),
        [
            format!("<</Filter/FlateDecode/Length {}>>stream\n", stream.len()).into_bytes(),
            stream,
            b"\nendstream".to_vec(),
        ]
        .concat(),
    ];
    let mut file = b"%PDF-1.4\n".to_vec();
    let mut table = String::from("xref\n0 5\n0000000000 65535 f \n");
    for (number, object) in objects.iter().enumerate() {
        let line = format!("{:010} 00000 n \n", file.len());
        table.push_str(&line);
        file.extend(format!("{} 0 obj\n", number + 1).into_bytes());
        file.extend(object);
        file.extend(b"\nendobj\n");
    }
    let start = file.len();
    file.extend(table.into_bytes());
    file.extend(format!("trailer<</Root 1 0 R/Size 5>>\nstartxref\n{start}\n%%EOF").into_bytes());
    file
}

#[actix_web::test]
async fn an_upload_beyond_the_limit_and_a_full_shelf_are_refused_and_change_nothing() {
    let settings = vec![
        ("knowledge.upload_bytes", Value::from(1000)),
        ("knowledge.documents", Value::from(2)),
        ("knowledge.total_bytes", Value::from(1500)),
    ];
    let app = TestApp::build(Plan { has_model: false, settings, ..Plan::default() }).await;
    let shop = Shop::open(&app, "shop").await;
    let long = "word ".repeat(190);
    let refused = |code: &str, status| (status, code.to_owned());
    let too_long = "x".repeat(1001);
    assert_eq!(
        shop.refuses("slug=a", "text/plain", too_long).await,
        refused("document_too_large", 413)
    );
    shop.add("slug=a", "text/plain", long.clone()).await;
    assert_eq!(
        shop.refuses("slug=b", "text/plain", long.clone()).await,
        refused("library_full", 409)
    );
    shop.add("slug=b", "text/plain", "a few words").await;
    assert_eq!(
        shop.refuses("slug=c", "text/plain", "a few words").await,
        refused("library_full", 409)
    );
    shop.add("slug=a", "text/plain", long).await;
    assert_eq!(shop.slugs().await, ["a", "b"]);
    // Another tenant has a shelf of its own.
    let other = Shop::open(&app, "other").await;
    other.add("slug=a", "text/plain", "a few words").await;
    app.drain().await;
}
