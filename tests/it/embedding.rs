//! The widget on other people's pages: another origin, a strict policy, other vendors' snippets, and pages that break
//! what scripts rely on.

use serde_json::json;

use crate::support::browser::Browser;
use crate::support::site::Page;
use crate::support::{Site, TestApp};

/// Collects what the widget tells the page.
const LISTEN: &str = "window.told = []; window.blamed = [];
    for (const name of ['ready', 'opened', 'closed', 'message', 'conversation-started', 'unread', 'consent-changed', 'error'])
        addEventListener('veetflow:' + name, (event) => told.push([name, event.detail]));
    addEventListener('error', (event) => blamed.push(event.message));
    addEventListener('unhandledrejection', (event) => blamed.push(String(event.reason)));";

fn page(scripts: &str) -> String {
    format!(
        "<!doctype html><html lang=en><head><title>Shop</title></head><body><h1>Shop</h1>{scripts}</body></html>"
    )
}

async fn ask_and_agree(browser: &Browser, question: &str) {
    browser.until("root.activeElement === seen('input')[0]").await;
    browser.type_text(question).await;
    browser.click("send").await;
    browser.click("age-18_plus").await;
    browser.click("agree").await;
    browser.until("messages('assistant')[0]?.dataset.state === 'done'").await;
}

#[actix_web::test]
async fn a_page_of_another_origin_with_a_strict_policy_shows_the_chat_by_one_line() {
    let app = TestApp::start().await;
    // No inline script, no inline style, nothing but the chat server: and Trusted Types on top.
    let server = app.address;
    let policy = format!(
        "default-src 'none'; script-src 'self' http://{server}; connect-src http://{server} ws://{server}; style-src 'none'; require-trusted-types-for 'script'"
    );
    let pages = |home: &str, widget: &str| -> Vec<Page> {
        let line = format!(
            "<script src=/listen.js></script><script async src='{home}/v1/widget.js' data-widget='{widget}' data-locale=en></script>"
        );
        vec![("", page(&(line.clone() + &line))), ("listen.js", LISTEN.to_owned())]
    };
    let site = Site::open(&app, Some(policy), pages).await;
    let browser = Browser::start("en").await;
    browser.open(&site.url("")).await;
    browser.until("seen('launcher').length === 1").await;
    assert_eq!(browser.value("document.querySelectorAll('veetflow-widget').length").await, 1);
    let fetched = "performance.getEntriesByType('resource').filter((entry) => entry.name.includes('widget')).length";
    assert_eq!(browser.value(fetched).await, 1, "fetched more than the loader before a click");
    browser.click("launcher").await;
    ask_and_agree(&browser, "Hello?").await;
    browser.click("close").await;
    browser.until("root.activeElement === seen('launcher')[0]").await;
    let names = browser.value("told.map(([name]) => name)").await;
    let names: Vec<&str> =
        names.as_array().expect("a list").iter().filter_map(|name| name.as_str()).collect();
    for name in ["opened", "conversation-started", "consent-changed", "message", "closed"] {
        assert!(names.contains(&name), "{name} is missing: {names:?}");
    }
    let details = browser.value("JSON.stringify(told)").await.to_string();
    assert!(!details.contains("Hello"), "the page was told what was said: {details}");
    assert_eq!(browser.value("blamed").await, json!([]));
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.quit().await;
    app.drain().await;
}

#[actix_web::test]
async fn calls_made_before_the_widget_is_there_wait_and_later_ones_do_what_they_say() {
    let app = TestApp::start().await;
    let pages = |home: &str, widget: &str| -> Vec<Page> {
        let stub = format!(
            "<script>{LISTEN} window.veetflowSettings = {{widget: '{widget}', locale: 'de', color: '#ffd400', position: 'left', nonsense: 1, zIndex: 'high'}};
             window.veetflow = function () {{ (veetflow.q = veetflow.q || []).push(arguments); }};
             veetflow('on', 'opened', () => {{ window.heard = true; throw new Error('the page is wrong'); }});
             veetflow('prefill', 'Grüße');</script><script async crossorigin src='{home}/v1/widget.js'></script>"
        );
        vec![("", page(&stub))]
    };
    let site = Site::open(&app, None, pages).await;
    let browser = Browser::start("en").await;
    browser.open(&site.url("")).await;
    browser.until("seen('input')[0].value === 'Grüße' && window.heard").await;
    browser.until("root.querySelector('.panel').lang === 'de'").await;
    assert_eq!(browser.value("root.host.dataset.side").await, "left");
    let ink = "getComputedStyle(seen('send')[0]).color";
    assert_eq!(browser.value(ink).await, "rgb(20, 33, 29)", "white on yellow cannot be read");
    for (call, then) in [
        ("veetflow('setLocale', 'ar')", "root.querySelector('.panel').dir === 'rtl'"),
        ("$veetflow.setColorScheme('dark')", "root.host.dataset.scheme === 'dark'"),
        ("veetflow('hide')", "!root.host.checkVisibility()"),
        ("veetflow('show')", "root.host.checkVisibility() && seen('launcher').length === 1"),
        ("veetflow('toggle')", "seen('panel').length === 1"),
        ("veetflow('privacy')", "seen('privacy-panel').length === 1"),
        ("veetflow('close')", "seen('panel').length === 0"),
        ("veetflow('update', {hideLauncher: true})", "seen('launcher').length === 0"),
        ("veetflow('identify', 'u1', {})", "told.at(-1)[1].code === 'not_offered'"),
        ("veetflow('dance')", "told.at(-1)[1].code === 'unknown_command'"),
        ("veetflow({})", "told.at(-1)[1].code === 'unknown_command'"),
        // A page framework replaces the body: the same chat is on the new one.
        (
            "(window.before = root.host, document.body = document.createElement('body'), true)",
            "document.body.contains(window.before) && document.querySelectorAll('veetflow-widget').length === 1",
        ),
        ("veetflow('shutdown')", "!document.querySelector('veetflow-widget')"),
    ] {
        browser.value(&format!("({call}, true)")).await;
        browser.until(then).await;
    }
    let blamed = browser.value("blamed").await;
    let blamed = blamed.as_array().expect("a list");
    let is_own = blamed.iter().all(|one| *one == "Uncaught Error: the page is wrong");
    assert!(is_own && !blamed.is_empty(), "{blamed:?}");
    browser.quit().await;
    app.drain().await;
}

/// Each vendor's snippet with only its address changed; a call of its own interface that opens the chat; and what its
/// own way of listening must then have heard.
fn snippets(home: &str, widget: &str) -> Vec<(&'static str, String, &'static str)> {
    vec![
        (
            "chatwoot",
            format!(
                "<script>window.chatwootSettings = {{locale: 'en'}}; addEventListener('chatwoot:opened', () => {{ window.heard = true; }});
                (function(d,t) {{ var BASE_URL='{home}'; var g=d.createElement(t),s=d.getElementsByTagName(t)[0]; g.src=BASE_URL+'/packs/js/sdk.js'; g.defer=true; g.async=true; s.parentNode.insertBefore(g,s);
                g.onload=function(){{ window.chatwootSDK.run({{ websiteToken: '{widget}', baseUrl: BASE_URL }}) }} }})(document,'script');</script>"
            ),
            "$chatwoot.toggle('open')",
        ),
        (
            "crisp",
            format!(
                "<script>window.$crisp=[]; window.CRISP_WEBSITE_ID='{widget}'; $crisp.push(['on', 'chat:opened', () => {{ window.heard = true; }}]);
                (function(){{ var d=document, s=d.createElement('script'); s.src='{home}/l.js'; s.async=1; d.getElementsByTagName('head')[0].appendChild(s); }})();</script>"
            ),
            "$crisp.push(['do', 'chat:open'])",
        ),
        (
            "intercom",
            format!(
                "<script>window.intercomSettings = {{app_id: '{widget}'}}; var i=function(){{ i.c(arguments); }}; i.q=[]; i.c=function(args){{ i.q.push(args); }}; window.Intercom=i;
                Intercom('onShow', () => {{ window.heard = true; }});
                var s=document.createElement('script'); s.async=true; s.src='{home}/widget/{widget}'; document.head.append(s);</script>"
            ),
            "Intercom('show')",
        ),
        (
            "zendesk",
            format!(
                "<script id=ze-snippet src='{home}/ekr/snippet.js?key={widget}'></script><script>zE('messenger:on', 'open', () => {{ window.heard = true; }});</script>"
            ),
            "zE('messenger', 'open')",
        ),
        (
            "tawk",
            format!(
                "<script>var Tawk_API=Tawk_API||{{}}; Tawk_API.onChatMaximized = () => {{ window.heard = true; }};
                (function(){{ var s1=document.createElement('script'),s0=document.getElementsByTagName('script')[0]; s1.async=true; s1.src='{home}/5f0c1e7/{widget}'; s1.charset='UTF-8'; s1.setAttribute('crossorigin','*'); s0.parentNode.insertBefore(s1,s0); }})();</script>"
            ),
            "Tawk_API.maximize()",
        ),
    ]
}

#[actix_web::test]
async fn other_vendors_snippets_work_with_only_their_address_changed() {
    let app = TestApp::start().await;
    let pages = |home: &str, widget: &str| -> Vec<Page> {
        snippets(home, widget).into_iter().map(|(name, text, _)| (name, page(&text))).collect()
    };
    let site = Site::open(&app, None, pages).await;
    let browser = Browser::start("en").await;
    for (name, _, call) in snippets("", "") {
        browser.open(&site.url(name)).await;
        browser.until("seen('launcher').length === 1").await;
        browser.value(&format!("({call}, true)")).await;
        browser.until("seen('input').length === 1").await;
        browser.until("window.heard === true").await;
        println!("{name} opened the chat");
    }
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.quit().await;
    app.drain().await;
}

#[actix_web::test]
async fn a_page_that_restyles_everything_and_alters_prototypes_neither_breaks_the_chat_nor_is_broken()
 {
    let app = TestApp::start().await;
    let hostile = format!(
        "<style>* {{ all: unset !important; display: none !important; position: static !important; opacity: 0 !important; font-size: 3px !important; direction: rtl !important }}
         html, body {{ display: block !important; opacity: 1 !important }}</style>
         <script>{LISTEN}
         Object.prototype.surprise = function () {{ throw new Error('surprise'); }};
         Object.prototype.color = 'red'; Object.prototype.mode = 'full'; Object.prototype.kind = 'x'; Object.prototype.cookieless = true;
         Array.prototype.extra = () => {{ throw new Error('extra'); }};
         Array.prototype.toJSON = function () {{ return 'broken'; }};
         Array.from = undefined; Element.prototype.animate = undefined; window.$ = window._ = null;
         Object.defineProperty(window, 'sessionStorage', {{ get() {{ throw new DOMException('denied', 'SecurityError'); }} }});
         Object.defineProperty(window, 'localStorage', {{ get() {{ throw new DOMException('denied', 'SecurityError'); }} }});
         </script>"
    );
    let pages = |home: &str, widget: &str| -> Vec<Page> {
        let line = format!(
            "{hostile}<script async src='{home}/v1/widget.js' data-widget='{widget}' data-locale=en></script>"
        );
        vec![("", page(&line))]
    };
    let site = Site::open(&app, None, pages).await;
    let browser = Browser::start("en").await;
    browser.open(&site.url("")).await;
    browser.until("seen('launcher').length === 1").await;
    browser.click("launcher").await;
    ask_and_agree(&browser, "Hello?").await;
    let shown = "[root.host.getBoundingClientRect().right <= innerWidth, getComputedStyle(root.host).position, getComputedStyle(seen('input')[0]).fontSize, root.querySelector('.panel').getBoundingClientRect().width]";
    assert_eq!(browser.value(shown).await.to_string(), "[true,\"fixed\",\"15px\",400]");
    assert_eq!(browser.value("blamed").await, json!([]));
    browser.picture("hostile").await;
    browser.quit().await;
    app.drain().await;
}
