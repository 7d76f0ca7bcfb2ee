package dlp

// formatsPay are those of payments and trade.
var formatsPay = []format{
	// Clerk, Paystack, WorkOS and others write their keys as Stripe does.
	{Rule{"stripe-key", "Stripe live secret, restricted, organisation or ephemeral key; those of Clerk, Paystack and WorkOS look the same.", Block}, []form{
		{prefix: "sk_live_", body: alnum, min: 24, max: 247},
		{prefix: "rk_live_", body: alnum, min: 24, max: 247},
		{prefix: "sk_org_live_", body: alnum, min: 24, max: 247},
		{prefix: "ek_live_", body: alnum, min: 24, max: 247},
	}},
	{Rule{"stripe-test-key", "Stripe test secret or restricted key; those of Clerk, Paystack and WorkOS look the same.", Warn}, []form{
		{prefix: "sk_test_", body: alnum, min: 24, max: 247, check: mixed},
		{prefix: "rk_test_", body: alnum, min: 24, max: 247, check: mixed},
		{prefix: "sk_org_test_", body: alnum, min: 24, max: 247, check: mixed},
	}},
	{Rule{"stripe-publishable-key", "Stripe live publishable key, which web pages hold.", Warn}, []form{
		{prefix: "pk_live_", body: alnum, min: 24, max: 247, check: mixed},
	}},
	{Rule{"webhook-secret", "Signing secret of a webhook of Stripe, Svix or another that follows Standard Webhooks.", Block}, []form{
		{prefix: "whsec_", body: base64Line, min: 32, max: 100, check: scattered},
	}},
	{Rule{"square-token", "Square access token.", Block}, []form{
		{prefix: "sq0atp-", body: dashed, min: 22, max: 22, check: varied},
		{prefix: "EAAA", body: dashed, min: 60, max: 60, check: scattered},
	}},
	{Rule{"square-secret", "Square OAuth application secret.", Block}, []form{
		{prefix: "sq0csp-", body: dashed, min: 43, max: 43, check: mixed},
	}},
	{Rule{"adyen-key", "Adyen API key.", Block}, []form{
		{prefix: "AQE", body: base64Any, min: 80, max: 400, check: adyen},
	}},
	{Rule{"razorpay-key-id", "Razorpay live key ID.", Block}, []form{
		{prefix: "rzp_live_", body: alnum, min: 14, max: 14, check: varied},
	}},
	{Rule{"razorpay-test-key-id", "Razorpay test key ID.", Warn}, []form{
		{prefix: "rzp_test_", body: alnum, min: 14, max: 14, check: varied},
	}},
	{Rule{"flutterwave-key", "Flutterwave live secret key.", Block}, []form{
		{prefix: "FLWSECK-", body: hyphened, min: 32, max: 60, check: mixed},
	}},
	{Rule{"flutterwave-test-key", "Flutterwave test secret key.", Warn}, []form{
		{prefix: "FLWSECK_TEST-", body: hyphened, min: 12, max: 60, check: mixed},
	}},
	{Rule{"plaid-token", "Plaid access token of production.", Block}, []form{
		{prefix: "access-production-", body: hexDash, min: 36, max: 36, check: uuid},
	}},
	{Rule{"plaid-test-token", "Plaid access token of the sandbox or of development.", Warn}, []form{
		{prefix: "access-sandbox-", body: hexDash, min: 36, max: 36, check: uuid},
		{prefix: "access-development-", body: hexDash, min: 36, max: 36, check: uuid},
	}},
	// The lengths tell these apart.
	{Rule{"gocardless-token", "GoCardless live access token.", Block}, []form{
		{prefix: "live_", body: dashed, min: 40, max: 40, check: goCardless},
	}},
	{Rule{"gocardless-sandbox-token", "GoCardless sandbox access token.", Warn}, []form{
		{prefix: "sandbox_", body: dashed, min: 40, max: 40, check: scattered},
	}},
	{Rule{"mollie-key", "Mollie live API key.", Block}, []form{
		{prefix: "live_", body: dashed, min: 30, max: 30, check: plainScattered},
	}},
	{Rule{"mollie-test-key", "Mollie test API key.", Warn}, []form{
		{prefix: "test_", body: dashed, min: 30, max: 30, check: plainScattered},
	}},
	{Rule{"lob-key", "Lob live API key.", Block}, []form{
		{prefix: "live_", body: dashed, min: 35, max: 35, check: plainHex},
	}},
	{Rule{"lob-test-key", "Lob test API key.", Warn}, []form{
		{prefix: "test_", body: dashed, min: 35, max: 35, check: plainHex},
	}},
	{Rule{"toss-key", "Toss Payments live secret key.", Block}, []form{
		{prefix: "live_sk_", body: alnum, min: 24, max: 40, check: scattered},
		{prefix: "live_gsk_", body: alnum, min: 24, max: 40, check: scattered},
	}},
	{Rule{"easypost-key", "EasyPost production API key.", Block}, []form{
		{prefix: "EZAK", body: alnum, min: 54, max: 54, check: scattered},
	}},
	{Rule{"easypost-test-key", "EasyPost test API key.", Warn}, []form{
		{prefix: "EZTK", body: alnum, min: 54, max: 54, check: scattered},
	}},
	{Rule{"shippo-token", "Shippo live API token.", Block}, []form{
		{prefix: "shippo_live_", body: hexLower, min: 40, max: 40},
	}},
	{Rule{"shippo-test-token", "Shippo test API token.", Warn}, []form{
		{prefix: "shippo_test_", body: hexLower, min: 40, max: 40},
	}},
	{Rule{"duffel-token", "Duffel live access token.", Block}, []form{
		{prefix: "duffel_live_", body: dashed, min: 43, max: 43, check: scattered},
	}},
	{Rule{"duffel-test-token", "Duffel test access token.", Warn}, []form{
		{prefix: "duffel_test_", body: dashed, min: 43, max: 43, check: scattered},
	}},
	{Rule{"paddle-key", "Paddle live API key.", Block}, []form{
		{prefix: "pdl_live_apikey_", body: word, min: 40, max: 64, check: scattered},
	}},
	{Rule{"paddle-sandbox-key", "Paddle sandbox API key.", Warn}, []form{
		{prefix: "pdl_sdbx_apikey_", body: word, min: 40, max: 64, check: scattered},
	}},
	{Rule{"paddle-webhook-secret", "Paddle notification secret key.", Block}, []form{
		{prefix: "pdl_ntfset_", body: base64Any, min: 50, max: 72, check: scattered},
	}},
	{Rule{"polar-token", "Polar organisation or personal access token.", Block}, []form{
		{prefix: "polar_oat_", body: alnum, min: 32, max: 64, check: scattered},
		{prefix: "polar_pat_", body: alnum, min: 32, max: 64, check: scattered},
	}},
	{Rule{"ramp-secret", "Ramp client secret or business token.", Block}, []form{
		{prefix: "ramp_sec_", body: alnum, min: 32, max: 64, check: scattered},
		{prefix: "ramp_business_tok_", body: alnum, min: 32, max: 64, check: scattered},
	}},
	{Rule{"xendit-key", "Xendit production secret key.", Block}, []form{
		{prefix: "xnd_production_", body: alnum, min: 40, max: 80, check: scattered},
	}},
	{Rule{"xendit-test-key", "Xendit development secret key.", Warn}, []form{
		{prefix: "xnd_development_", body: alnum, min: 40, max: 80, check: scattered},
	}},
	{Rule{"midtrans-key", "Midtrans production server key.", Block}, []form{
		{prefix: "Mid-server-", body: dashed, min: 24, max: 24, check: varied},
	}},
	{Rule{"midtrans-sandbox-key", "Midtrans sandbox server key.", Warn}, []form{
		{prefix: "SB-Mid-server-", body: dashed, min: 24, max: 24, check: varied},
	}},
	{Rule{"mercadopago-token", "Mercado Pago access token.", Block}, []form{
		{prefix: "APP_USR-", body: hyphened, min: 60, max: 72, check: mercadoPago},
	}},
	{Rule{"asaas-key", "Asaas API key.", Block}, []form{
		{prefix: "aact_", body: base64Any, min: 80, max: 300, check: scattered},
	}},
	{Rule{"omise-key", "Omise live secret key.", Block}, []form{
		{prefix: "skey_", body: lowerNum, min: 19, max: 19, check: mixed},
	}},
	{Rule{"omise-test-key", "Omise test secret key.", Warn}, []form{
		{prefix: "skey_test_", body: lowerNum, min: 19, max: 19, check: mixed},
	}},
	{Rule{"branch-secret", "Branch or Adapty live secret key.", Block}, []form{
		{prefix: "secret_live_", body: dotted, min: 32, max: 64, check: scattered},
	}},
	{Rule{"shopify-token", "Shopify access token or app secret.", Block}, []form{
		{prefix: "shpat_", body: hexAny, min: 32, max: 32},
		{prefix: "shpca_", body: hexAny, min: 32, max: 32},
		{prefix: "shppa_", body: hexAny, min: 32, max: 32},
		{prefix: "shpua_", body: hexAny, min: 32, max: 32},
		{prefix: "shpss_", body: hexAny, min: 32, max: 32},
	}},
	{Rule{"shopify-theme-token", "Shopify Theme Access password.", Block}, []form{
		{prefix: "shptka_", body: hexAny, min: 32, max: 32},
	}},
	{Rule{"shopify-partner-token", "Shopify Partner API token.", Block}, []form{
		{prefix: "prtapi_", body: hexAny, min: 32, max: 32},
	}},
	{Rule{"woocommerce-key", "WooCommerce REST API consumer key or secret.", Block}, []form{
		{prefix: "ck_", body: hexLower, min: 40, max: 40, check: mixed},
		{prefix: "cs_", body: hexLower, min: 40, max: 40, check: mixed},
	}},
	{Rule{"ebay-secret", "eBay production client secret.", Block}, []form{
		{prefix: "PRD-", body: hexDash, min: 32, max: 32, check: ebay},
	}},
	{Rule{"ebay-sandbox-secret", "eBay sandbox client secret.", Warn}, []form{
		{prefix: "SBX-", body: hexDash, min: 32, max: 32, check: ebay},
	}},
	{Rule{"quicknode-key", "QuickNode API key.", Block}, []form{
		{prefix: "QN_", body: hexLower, min: 32, max: 32, check: mixed},
	}},
}
