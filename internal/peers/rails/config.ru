# Rails' sessions behind the small interface that all peers speak. Its settings come from the
# environment: see settings in internal/peers.

require "rails"
require "action_controller/railtie"
require "active_support/cache/redis_cache_store"

secrets = ENV.fetch("PEER_SECRETS").split(",")
age = ENV.fetch("PEER_IDLE").to_i.seconds

class Peer < Rails::Application
end

Peer.configure do
  config.load_defaults 6.1
  config.cache_classes = true
  config.eager_load = true
  config.root = __dir__
  config.hosts.clear
  config.secret_key_base = secrets.first
  config.logger = Logger.new($stderr, level: Logger::WARN)
  config.action_dispatch.show_exceptions = true
  config.consider_all_requests_local = false
  config.action_controller.allow_forgery_protection = false
  if ENV["PEER_STORE"] == "cache"
    config.cache_store = :redis_cache_store, { url: "redis://127.0.0.1:#{ENV.fetch("PEER_REDIS")}/0" }
    config.session_store :cache_store, expire_after: age
  else
    config.session_store :cookie_store, expire_after: age
    # As the guide on security has it: cookies of an older secret are read, and written with the new one.
    config.after_initialize do |app|
      app.config.action_dispatch.cookies_rotations.tap do |cookies|
        secrets.drop(1).each do |old|
          generator = ActiveSupport::KeyGenerator.new(old, iterations: 1000)
          salt = app.config.action_dispatch.authenticated_encrypted_cookie_salt
          key = generator.generate_key(salt, ActiveSupport::MessageEncryptor.key_len("aes-256-gcm"))
          cookies.rotate :encrypted, key
        end
      end
    end
  end
end

class PeerController < ActionController::Base
  def ready = head(:ok)

  def get = render(json: { found: session.key?(params[:key]), value: session[params[:key]] || "" })

  def keys = render(json: { keys: session.keys })

  def set
    session[:_] # it loads the session
    sleep params[:hold].to_f if params[:hold]
    session[params[:key]] = params[:value]
    render json: {}
  end

  def pop
    session.delete(params[:key])
    render json: {}
  end

  def login
    before = session.to_hash
    reset_session # as the guide on security has it
    before.except("session_id").each { |key, value| session[key] = value }
    session["user"] = params[:user]
    render json: {}
  end

  def flush
    reset_session
    render json: {}
  end
end

Peer.initialize!
Peer.routes.draw do
  get "ready", to: "peer#ready"
  get "get", to: "peer#get"
  get "keys", to: "peer#keys"
  post "set", to: "peer#set"
  post "delete", to: "peer#pop"
  post "login", to: "peer#login"
  post "flush", to: "peer#flush"
end
run Peer
