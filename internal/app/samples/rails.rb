=== set
def set
  session[:name] = "Rahim"
  head :ok
end
=== get
def get
  name = session[:name] # nil when it is missing
  render plain: name
end
=== keys
def keys
  render json: session.keys
end
=== delete
def delete
  session.delete(:name) # nil when it is missing
  head :ok
end
=== clear
def clear
  session.clear # the values
  head :ok
end
=== flush
def flush
  reset_session # values and ID
  head :ok
end
=== cycle-id
def cycle
  request.session_options[:renew] = true # new ID, same data
  head :ok
end
=== clear-expired
# with activerecord-session_store; the cookie store has nothing to clear
# bin/rails db:sessions:trim
=== expiry
# config/initializers/session_store.rb: for the whole site
Rails.application.config.session_store :cookie_store, expire_after: 5.seconds
=== placement
# config/initializers/session_store.rb: for the whole site
Rails.application.config.session_store :cookie_store # every value in the cookie, encrypted
# or :cache_store: values on the server
=== login
def log_in
  reset_session # a new ID before anything else
  session[:user] = "ada"
  redirect_to root_path
end
=== logout
def log_out
  reset_session
  redirect_to root_path
end
=== session
def show
  render json: { id: session.id.to_s, values: session.to_hash }
end
=== verify
# what the cookie store does; nil when a letter was changed
values = cookies.encrypted["_app_session"]
=== plant
def plant
  cookies[:readable] = { value: "hello", same_site: :lax } # not HttpOnly
  head :ok
end
=== replay
# with :cache_store this is nil once reset_session has deleted the record; the
# default cookie store has no record, and takes the copy for the session
def show
  render json: { name: session[:name] }
end
=== drop
def drop_cookie
  cookies.delete("_app_session") # with a store on the server the record stays
  head :ok
end
=== put-back
def put_back
  cookies["_app_session"] = { value: kept, httponly: true, same_site: :lax }
  head :ok
end
