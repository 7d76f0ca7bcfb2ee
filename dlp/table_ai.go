package dlp

// formatsAI are those of models and what agents use.
var formatsAI = []format{
	{Rule{"anthropic-key", "Anthropic API key, admin key or OAuth token.", Block}, []form{
		{prefix: "sk-ant-", body: dashed, min: 40, max: 256, check: mixed},
	}},
	{Rule{"openai-key", "OpenAI project, service account, admin or user key.", Block}, []form{
		{prefix: "sk-proj-", body: dashed, min: 40, max: 256, check: mixed},
		{prefix: "sk-svcacct-", body: dashed, min: 40, max: 256, check: mixed},
		{prefix: "sk-admin-", body: dashed, min: 40, max: 256, check: mixed},
		{prefix: "sk-None-", body: dashed, min: 40, max: 256, check: mixed},
		{prefix: "sk-", body: alnum, min: 48, max: 48, check: openAIMark},
	}},
	{Rule{"openai-session-key", "OpenAI session key of a browser.", Block}, []form{
		{prefix: "sess-", body: hyphened, min: 40, max: 40, check: plainScattered},
	}},
	{Rule{"openai-ephemeral-key", "OpenAI client secret of a realtime session, which lives for minutes.", Warn}, []form{
		{prefix: "ek_", body: hexLower, min: 32, max: 40, check: mixed},
	}},
	// Several services took over the look of OpenAI's former keys.
	{Rule{"moonshot-key", "Moonshot, Stability, SiliconFlow or another API key of 48 characters behind sk-.", Block}, []form{
		{prefix: "sk-", body: hyphened, min: 48, max: 48, check: openAIOther},
	}},
	{Rule{"deepseek-key", "DeepSeek or DashScope (Qwen) API key.", Block}, []form{
		{prefix: "sk-", body: hyphened, min: 32, max: 32, check: plainMixed},
	}},
	{Rule{"kimi-key", "Kimi coding API key.", Block}, []form{
		{prefix: "sk-kimi-", body: alnum, min: 60, max: 72, check: scattered},
	}},
	{Rule{"minimax-key", "MiniMax API key.", Block}, []form{
		{prefix: "sk-api-", body: dashed, min: 80, max: 200, check: scattered},
		{prefix: "sk-cp-", body: dashed, min: 80, max: 200, check: scattered},
	}},
	{Rule{"dashscope-workspace-key", "DashScope (Qwen) key of a workspace, or Windsurf API key.", Block}, []form{
		{prefix: "sk-ws-", body: dotted, min: 60, max: 300, check: scattered},
	}},
	{Rule{"devin-key", "Devin API key of a user or a service.", Block}, []form{
		{prefix: "apk_", body: base64Any, min: 80, max: 300, check: scattered},
	}},
	{Rule{"openrouter-key", "OpenRouter API key.", Block}, []form{
		{prefix: "sk-or-v1-", body: alnum, min: 64, max: 64, check: mixed},
	}},
	{Rule{"huggingface-token", "Hugging Face access token.", Block}, []form{
		{prefix: "hf_", body: alnum, min: 34, max: 40, check: letters},
	}},
	{Rule{"huggingface-org-token", "Hugging Face organisation token.", Block}, []form{
		{prefix: "api_org_", body: alnum, min: 34, max: 40, check: letters},
	}},
	{Rule{"groq-key", "Groq API key.", Block}, []form{
		{prefix: "gsk_", body: alnum, min: 52, max: 52, check: mixed},
	}},
	{Rule{"xai-key", "xAI API key.", Block}, []form{
		{prefix: "xai-", body: dashed, min: 70, max: 120, check: scattered},
	}},
	{Rule{"replicate-token", "Replicate API token.", Block}, []form{
		{prefix: "r8_", body: dashed, min: 37, max: 37, check: scattered},
	}},
	{Rule{"perplexity-key", "Perplexity API key.", Block}, []form{
		{prefix: "pplx-", body: alnum, min: 40, max: 64, check: blended},
	}},
	{Rule{"together-key", "Together AI API key.", Block}, []form{
		{prefix: "tgp_v1_", body: dashed, min: 43, max: 48, check: mixed},
	}},
	{Rule{"fireworks-key", "Fireworks AI API key.", Block}, []form{
		{prefix: "fw_", body: dashed, min: 20, max: 28, check: plainScattered},
	}},
	{Rule{"cerebras-key", "Cerebras API key.", Block}, []form{
		{prefix: "csk-", body: hyphened, min: 48, max: 48, check: plainMixed},
	}},
	{Rule{"nvidia-key", "NVIDIA NGC or NIM API key.", Block}, []form{
		{prefix: "nvapi-", body: dashed, min: 60, max: 72, check: blended},
	}},
	{Rule{"pinecone-key", "Pinecone API key.", Block}, []form{
		{prefix: "pcsk_", body: word, min: 60, max: 80, check: scattered},
	}},
	{Rule{"chroma-key", "Chroma Cloud API key.", Block}, []form{
		{prefix: "ck-", body: dashed, min: 43, max: 44, check: plainScattered},
	}},
	{Rule{"turbopuffer-key", "turbopuffer API key.", Block}, []form{
		{prefix: "tpuf_", body: alnum, min: 28, max: 48, check: scattered},
	}},
	{Rule{"vectara-key", "Vectara query or index API key.", Block}, []form{
		{prefix: "zqt_", body: dashed, min: 32, max: 48, check: scattered},
		{prefix: "zut_", body: dashed, min: 32, max: 48, check: scattered},
	}},
	{Rule{"langfuse-secret-key", "Langfuse secret key.", Block}, []form{
		{prefix: "sk-lf-", body: hexDash, min: 36, max: 36, check: uuid},
	}},
	{Rule{"langfuse-public-key", "Langfuse public key.", Warn}, []form{
		{prefix: "pk-lf-", body: hexDash, min: 36, max: 36, check: uuid},
	}},
	{Rule{"langsmith-key", "LangSmith personal or service key.", Block}, []form{
		{prefix: "lsv2_pt_", body: word, min: 43, max: 43, check: mixed},
		{prefix: "lsv2_sk_", body: word, min: 43, max: 43, check: mixed},
		{prefix: "ls__", body: hexLower, min: 32, max: 32, check: mixed},
	}},
	{Rule{"logfire-token", "Pydantic Logfire token.", Block}, []form{
		{prefix: "pylf_v", body: word, min: 40, max: 72, check: blended},
	}},
	{Rule{"helicone-key", "Helicone API key.", Block}, []form{
		{prefix: "sk-helicone-", body: hyphened, min: 28, max: 44, check: mixed},
		{prefix: "pk-helicone-", body: hyphened, min: 28, max: 44, check: mixed},
	}},
	{Rule{"promptlayer-key", "PromptLayer API key.", Block}, []form{
		{prefix: "pl_", body: hexLower, min: 32, max: 32, check: mixed},
	}},
	{Rule{"wandb-key", "Weights & Biases API key.", Block}, []form{
		{prefix: "wandb_v1_", body: word, min: 64, max: 90, check: scattered},
	}},
	{Rule{"elevenlabs-key", "ElevenLabs API key.", Block}, []form{
		{prefix: "sk_", body: word, min: 48, max: 48, check: plainHex},
	}},
	{Rule{"cartesia-key", "Cartesia API key.", Block}, []form{
		{prefix: "sk_car_", body: word, min: 20, max: 40, check: blended},
	}},
	{Rule{"voyage-key", "Voyage AI API key.", Block}, []form{
		{prefix: "pa-", body: dashed, min: 43, max: 43, check: scattered},
		{prefix: "al-", body: dashed, min: 43, max: 43, check: scattered},
	}},
	{Rule{"jina-key", "Jina AI API key.", Block}, []form{
		{prefix: "jina_", body: dashed, min: 56, max: 64, check: mixed},
	}},
	{Rule{"llamacloud-key", "LlamaCloud API key.", Block}, []form{
		{prefix: "llx-", body: dashed, min: 40, max: 60, check: mixed},
	}},
	{Rule{"letta-key", "Letta API key.", Block}, []form{
		{prefix: "sk-let-", body: base64Any, min: 60, max: 240, check: scattered},
	}},
	{Rule{"mem0-key", "Mem0 API key.", Block}, []form{
		{prefix: "m0-", body: dashed, min: 24, max: 44, check: plainScattered},
	}},
	{Rule{"anyscale-token", "Anyscale endpoint or platform token.", Block}, []form{
		{prefix: "esecret_", body: lowerNum, min: 26, max: 32, check: mixed},
		{prefix: "aph0_", body: alnum, min: 40, max: 90, check: scattered},
	}},
	{Rule{"runpod-key", "RunPod API key.", Block}, []form{
		{prefix: "rpa_", body: alnum, min: 40, max: 50, check: blended},
	}},
	{Rule{"modal-token", "Modal token ID or secret.", Block}, []form{
		{prefix: "ak-", body: dashed, min: 22, max: 22, check: plainScattered},
		{prefix: "as-", body: dashed, min: 22, max: 22, check: plainScattered},
	}},
	{Rule{"e2b-key", "E2B API key.", Block}, []form{
		{prefix: "e2b_", body: alnum, min: 40, max: 40, check: mixed},
	}},
	{Rule{"daytona-key", "Daytona API key.", Block}, []form{
		{prefix: "dtn_", body: hexLower, min: 64, max: 64},
	}},
	{Rule{"tavily-key", "Tavily API key.", Block}, []form{
		{prefix: "tvly-", body: dashed, min: 32, max: 60, check: mixed},
	}},
	{Rule{"firecrawl-key", "Firecrawl API key.", Block}, []form{
		{prefix: "fc-", body: hyphened, min: 32, max: 32, check: plainMixed},
	}},
	{Rule{"brave-search-key", "Brave Search API key.", Block}, []form{
		{prefix: "BSA", body: base64Any, min: 24, max: 40, check: braveKey},
	}},
	{Rule{"context7-key", "Context7 API key.", Block}, []form{
		{prefix: "ctx7sk-", body: hexDash, min: 36, max: 36, check: uuid},
	}},
	{Rule{"scrapfly-key", "Scrapfly API key.", Block}, []form{
		{prefix: "scp-live-", body: hexLower, min: 32, max: 32, check: mixed},
		{prefix: "scp-test-", body: hexLower, min: 32, max: 32, check: mixed},
	}},
	{Rule{"apify-token", "Apify API token.", Block}, []form{
		{prefix: "apify_api_", body: alnum, min: 34, max: 40, check: blended},
	}},
	{Rule{"browserbase-key", "Browserbase API key.", Block}, []form{
		{prefix: "bb_live_", body: dashed, min: 20, max: 40, check: blended},
	}},
	{Rule{"cursor-key", "Cursor API key.", Block}, []form{
		{prefix: "crsr_", body: hexLower, min: 64, max: 64},
	}},
	{Rule{"cursor-admin-key", "Cursor admin API key. A key of a cache may look like it.", Warn}, []form{
		{prefix: "key_", body: hexLower, min: 64, max: 64},
	}},
	{Rule{"amp-token", "Amp access token.", Block}, []form{
		{prefix: "sgamp_user_", body: word, min: 60, max: 160, check: mixed},
	}},
	{Rule{"factory-key", "Factory API key. Random text for URLs may start so.", Warn}, []form{
		{prefix: "fk-", body: dashed, min: 40, max: 100, check: scattered},
	}},
	{Rule{"codesandbox-token", "CodeSandbox API token.", Block}, []form{
		{prefix: "csb_v1_", body: dashed, min: 40, max: 64, check: scattered},
	}},
	{Rule{"inngest-key", "Inngest signing key.", Block}, []form{
		{prefix: "signkey-prod-", body: hexLower, min: 64, max: 64},
		{prefix: "signkey-test-", body: hexLower, min: 64, max: 64},
		{prefix: "signkey-branch-", body: hexLower, min: 64, max: 64},
	}},
	{Rule{"trigger-key", "Trigger.dev secret key or personal token.", Block}, []form{
		{prefix: "tr_prod_", body: alnum, min: 20, max: 24, check: blended},
		{prefix: "tr_stg_", body: alnum, min: 20, max: 24, check: blended},
		{prefix: "tr_preview_", body: alnum, min: 20, max: 24, check: blended},
		{prefix: "tr_pat_", body: lowerNum, min: 40, max: 40, check: mixed},
	}},
	{Rule{"trigger-dev-key", "Trigger.dev secret key of a development environment.", Warn}, []form{
		{prefix: "tr_dev_", body: alnum, min: 20, max: 24, check: blended},
	}},
	{Rule{"devin-service-token", "Devin token of a service user.", Block}, []form{
		{prefix: "cog_", body: base32Low, min: 52, max: 52, check: mixed},
	}},
	{Rule{"retell-key", "Retell AI API key. A key of a cache may look like it.", Warn}, []form{
		{prefix: "key_", body: hexLower, min: 28, max: 28, check: mixed},
	}},
	{Rule{"labelbox-key", "Labelbox API key.", Block}, []form{
		{prefix: "lbx_", body: dashed, min: 43, max: 43, check: scattered},
		{prefix: "rma_", body: dashed, min: 43, max: 43, check: scattered},
	}},
	{Rule{"friendli-token", "Friendli personal access token.", Block}, []form{
		{prefix: "flp_", body: alnum, min: 40, max: 60, check: scattered},
	}},
	{Rule{"dify-key", "Dify API key of an app or a knowledge base. The name of a file may look like it.", Warn}, []form{
		{prefix: "app-", body: hyphened, min: 24, max: 24, check: plainScattered},
		{prefix: "dataset-", body: hyphened, min: 24, max: 24, check: plainScattered},
	}},
	{Rule{"coze-token", "Coze personal access token.", Block}, []form{
		{prefix: "pat_", body: alnum, min: 64, max: 64, check: scattered},
	}},
	{Rule{"n8n-key", "n8n API key.", Block}, []form{
		{prefix: "n8n_api_", body: dotted, min: 40, max: 1200, check: mixed},
	}},
	{Rule{"openpipe-key", "OpenPipe API key.", Block}, []form{
		{prefix: "opk_", body: hexLower, min: 40, max: 48, check: mixed},
	}},
	{Rule{"composio-key", "Composio API key. An identifier may look like it.", Warn}, []form{
		{prefix: "ak_", body: dashed, min: 20, max: 20, check: unspoken},
	}},
	{Rule{"relace-key", "Relace API key.", Block}, []form{
		{prefix: "rlc-", body: dashed, min: 36, max: 64, check: scattered},
	}},
}
